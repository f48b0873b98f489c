"""RISE and RISEPlus with a design and with the control variate: the formulas, end to end."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import reference
from fastxai.explainer import RISE, RISEPlus
from fastxai.masks.control_variate import control_variate_maps
from fastxai.ops import MaskSpec
from tests import _networks as networks
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close
from tests.explainer.test_riseplus import by_hand, plain_pair

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 23, 17)).astype(np.float32)
SIZE = IMAGES.shape[2:]
WEIGHT = np.random.default_rng(1).normal(0, 0.05, (4, IMAGES[0].size)).astype(np.float32)
TARGETS = [[1, 3], [0, 2]]


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def masks_of(seed, count, design, size=SIZE):
    cells, shifts = reference.mask_grid(seed, 0, count, (10, 10), 2**31, (11, 11), design)
    return reference.mask_upsample(cells, shifts, size, (size[0] + 10, size[1] + 10))[:, 0]


def scores_of(image, labels, masks):
    copies = (image.astype(np.float64)[None] * masks[:, None]).reshape(len(masks), -1)
    return softmax(copies @ WEIGHT.T.astype(np.float64))[:, labels]


def formula(scores, masks, estimator, design):
    """The map of masks 0, 1, ..., dense."""
    count = len(masks)
    plain = np.einsum("mt,myx->tyx", scores, masks) / count
    if estimator == "plain" or (design == "oa128" and count % 128 == 0):
        return plain
    block = np.arange(count) // 128
    together = (block[:, None] == block).sum() - count
    divisor = count - 1 + (together / (127 * count) if design == "oa128" else 0)
    mean = scores.mean(axis=0)
    covariance = np.einsum("mt,myx->tyx", scores - mean, masks) / divisor
    return 0.5 * mean[:, None, None] + covariance


def linear_rise(per_eval=32, **options):
    return RISE(networks.Linear(WEIGHT), nn.Softmax(), per_eval, seed=9, **options)


@pytest.mark.parametrize("estimator", ["plain", "centred"])
@pytest.mark.parametrize("num_masks", [128, 256, 101, 300])
def test_oa128_equals_the_formula_on_the_same_masks(mode, estimator, num_masks):
    rise = linear_rise(num_masks=num_masks, estimator=estimator, design="oa128")
    maps = rise(ms.Tensor(IMAGES), TARGETS).asnumpy()
    masks = masks_of(9, num_masks, "oa128")
    for image, labels, saliency in zip(IMAGES, TARGETS, maps, strict=True):
        expected = formula(scores_of(image, labels, masks), masks, estimator, "oa128")
        assert_close(saliency, expected, atol=MAP_ATOL)


@pytest.mark.parametrize("design", ["iid", "oa128"])
@pytest.mark.parametrize("per_eval", [32, 7, 1000])
def test_the_control_variate_gets_every_score_once_and_in_order(mode, design, per_eval):
    rise = linear_rise(per_eval, num_masks=300, estimator="control-variate", design=design)
    maps = rise(ms.Tensor(IMAGES), TARGETS).asnumpy()
    masks = masks_of(9, 300, design)
    for image, labels, saliency in zip(IMAGES, TARGETS, maps, strict=True):
        spec = MaskSpec(9, SIZE, design=design)
        expected = control_variate_maps(scores_of(image, labels, masks), spec)
        assert_close(saliency, expected, atol=MAP_ATOL)


@pytest.mark.parametrize("estimator", ["centred", "control-variate"])
def test_oa128_gives_the_same_map_for_any_batch_size(mode, estimator):
    network, maps = networks.SmallConv(), []
    for per_eval in (128, 7, 100):
        options = {"num_masks": 256, "seed": 1, "estimator": estimator, "design": "oa128"}
        rise = RISE(network, nn.Softmax(), per_eval, **options)
        maps.append(rise(ms.Tensor(IMAGES[:1]), 2).asnumpy())
    assert_close(maps[1], maps[0], atol=NETWORK_ATOL)
    assert_close(maps[2], maps[0], atol=NETWORK_ATOL)


@pytest.mark.parametrize("estimator", ["centred", "control-variate"])
def test_the_host_path_gives_the_same_map(monkeypatch, mode, estimator):
    options = {"num_masks": 300, "seed": 1, "estimator": estimator, "design": "oa128"}
    native = RISE(networks.SmallConv(), nn.Softmax(), **options)(ms.Tensor(IMAGES), TARGETS)
    monkeypatch.setattr("fastxai.explainer.perturb.backend.has_native", lambda: False)
    host = RISE(networks.SmallConv(), nn.Softmax(), **options)(ms.Tensor(IMAGES), TARGETS)
    assert_close(host.asnumpy(), native.asnumpy(), atol=NETWORK_ATOL)


def test_one_compiled_step_serves_all_seeds_of_oa128():
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        rise = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=128, design="oa128")
        maps = [rise(ms.Tensor(IMAGES), 1).asnumpy() for _ in range(3)]
        (step,) = rise._backend.compiled
        assert len(step.compile_cache) == 1
        assert np.abs(maps[0] - maps[1]).max() > 1e-4
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


def test_without_the_native_module_the_reference_draws_the_same_masks(monkeypatch):
    options = {"num_masks": 256, "estimator": "control-variate", "design": "oa128"}
    expected = linear_rise(**options)(ms.Tensor(IMAGES[:1]), 1).asnumpy()
    monkeypatch.setattr("fastxai.ops.native._module", None)
    monkeypatch.setattr("fastxai.ops.native._warned", True)
    saliency = linear_rise(**options)(ms.Tensor(IMAGES[:1]), 1).asnumpy()
    assert_close(saliency, expected, atol=NETWORK_ATOL)


@pytest.mark.parametrize("estimator", ["centred", "control-variate"])
def test_riseplus_has_both(mode, estimator):
    pair = plain_pair()
    images = np.random.default_rng(0).normal(size=(1, 3, 16, 13)).astype(np.float32)
    options = {"num_masks": 300, "seed": 9, "estimator": estimator, "design": "oa128"}
    rise_plus = RISEPlus(pair[1], pair[0], nn.Softmax(), 32, **options)
    saliency = rise_plus(ms.Tensor(images), [[1, 0]]).asnumpy()[0]
    masks = masks_of(9, 300, "oa128", (16, 13))
    image = images[0].astype(np.float64)
    low, high = by_hand(np.stack([np.zeros_like(image), image]), *pair)[1]
    probabilities, inlier = by_hand(image[None] * masks[:, None], *pair)
    weights = (np.clip(inlier, low, high) - low) / (high - low + 2.2e-16)
    scores = probabilities[:, [1, 0]] * weights[:, None]
    if estimator == "centred":
        expected = formula(scores, masks, estimator, "oa128")
    else:
        expected = control_variate_maps(scores, MaskSpec(9, (16, 13), design="oa128"))
    assert_close(saliency, expected, atol=MAP_ATOL)


@pytest.mark.parametrize(
    ("kwargs", "design"),
    [
        ({"num_masks": 512}, "lattice"),
        ({"num_masks": "auto", "max_masks": 512}, "lattice"),
        ({"num_masks": 511}, "iid"),
        ({"num_masks": 512, "estimator": "plain"}, "iid"),
        ({"num_masks": 512, "estimator": "control-variate"}, "iid"),
        ({"num_masks": 512, "mask_probability": 0.4}, "iid"),
        ({"num_masks": 512, "grid_size": (16, 8)}, "iid"),
        ({"num_masks": 512, "grid_size": (1, 127)}, "lattice"),
        ({"num_masks": 512, "design": "iid"}, "iid"),
        ({"num_masks": 256, "design": "oa128"}, "oa128"),
    ],
)
def test_without_a_design_the_less_noisy_one_that_fits_is_taken(kwargs, design):
    network, image = networks.SmallConv(), ms.Tensor(IMAGES[:1])
    found = RISE(network, nn.Softmax(), 128, seed=1, **kwargs)(image, 1, ret="result")
    assert found.design == design
    if kwargs["num_masks"] != "auto":
        named = RISE(network, nn.Softmax(), 128, seed=1, **{**kwargs, "design": design})
        np.testing.assert_array_equal(found.saliency, named(image, 1).asnumpy())


def test_a_number_of_masks_set_later_decides_the_design_too():
    made = RISE(networks.SmallConv(), nn.Softmax(), 128, num_masks=64, seed=1)
    assert made(ms.Tensor(IMAGES[:1]), 1, ret="result").design == "iid"
    made._num_masks = 640  # as scripts for mindspore_xai do
    assert made(ms.Tensor(IMAGES[:1]), 1, ret="result").design == "lattice"


# ---- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"design": "sobol"}, ValueError, r"RISE: `design` must be one of \('iid', 'oa128', "),
        (
            {"design": "lattice", "estimator": "control-variate"},
            ValueError,
            "'control-variate' would be biased by `design` 'lattice'.*use 'placed', or 'centred'",
        ),
        ({"design": "placed", "mask_probability": 0.4}, ValueError, "'placed' needs"),
        ({"design": 128}, TypeError, "RISE: `design` must be a str, got int"),
        (
            {"design": "oa128", "mask_probability": 0.4},
            ValueError,
            "needs `mask_probability` 0.5, got 0.4; use 'iid'",
        ),
        (
            {"design": "oa128", "grid_size": (16, 8)},
            ValueError,
            r"127 cells and `grid_size` \(16, 8\) has 128; use 'iid' or a coarser grid",
        ),
        (
            {"estimator": "control-variate", "num_masks": 255},
            ValueError,
            "`num_masks` must be at least 256 for `estimator` 'control-variate'.*; got 255",
        ),
        ({"design": "oa128", "num_masks": 1}, ValueError, r"`num_masks` must be in \[2,"),
    ],
)
def test_constructor_refuses(kwargs, error, words):
    with pytest.raises(error, match=words):
        RISE(networks.SmallConv(), nn.Softmax(), **kwargs)


def test_design_and_estimator_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        RISE(networks.SmallConv(), nn.Softmax(), 32, "oa128")


def test_num_masks_set_later_is_checked_at_the_call():
    rise = RISE(networks.SmallConv(), nn.Softmax(), estimator="control-variate")
    rise._num_masks = 200
    with pytest.raises(ValueError, match="at least 256"):
        rise(ms.Tensor(IMAGES), 0)


def test_scores_that_are_not_finite_and_wrong_outputs_are_refused(mode):
    options = {"num_masks": 256, "seed": 0, "estimator": "control-variate", "design": "oa128"}
    images = ms.Tensor(np.ones((1, 2, 12, 12), np.float32))
    with pytest.raises(ValueError, match=r"not finite for masks \d+\.\.\d+"):
        RISE(networks.LogScale(), networks.Identity(), 10, **options)(images, 0)
    with pytest.raises(ValueError, match=r"must return \(M, classes\) scores for M images"):
        RISE(networks.WrongRows(), networks.Identity(), 10, **options)(ms.Tensor(IMAGES), 0)
