"""Scores that masks do not move, and maps that are constant: certainty, never NaN, no long runs."""

import logging

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from fastxai.common.attribution import Attribution
from fastxai.explainer import RISE, RISEPlus
from fastxai.tool.cv import OoDNet
from tests import _networks as networks

SIZE = (24, 20)
IMAGES = np.random.default_rng(0).normal(1.0, 0.2, (2, 3, *SIZE)).astype(np.float32)
BOTH = ms.Tensor(IMAGES)
KINDS = [
    *(("iid", "plain"), ("iid", "centred"), ("iid", "control-variate")),
    *(("oa128", "plain"), ("oa128", "centred")),
]


class Levels(nn.Cell):
    """Scores of its own for every class; the classes in `moving` depend on the image."""

    def __init__(self, levels, moving=(), jitter=0.0) -> None:
        super().__init__()
        self.levels = ms.Tensor(np.array(levels, np.float32))
        slopes = np.zeros(len(levels), np.float32)
        slopes[list(moving)] = 1.0
        self.slopes = ms.Tensor(slopes)
        self.jitter = jitter

    def construct(self, x):
        moved = x[:, :, :8, :8].mean((1, 2, 3)).reshape(-1, 1)
        return self.levels + self.slopes * moved + self.jitter * self.levels * moved


def auto(network, activation=None, **options):
    """Stops by itself."""
    options = {"num_masks": "auto", "seed": 3, **options}
    return RISE(network, activation or nn.Identity(), 64, **options)


def messages(caplog):
    """What fastxai has logged."""
    return [r.getMessage() for r in caplog.records if r.name.startswith("fastxai")]


@pytest.mark.parametrize("level", [0.1, 0.0])
@pytest.mark.parametrize(("design", "estimator"), KINDS)
def test_equal_scores_end_the_run_at_the_first_look(mode, caplog, design, estimator, level):
    rise = auto(Levels([level, 1.0]), design=design, estimator=estimator)
    with caplog.at_level(logging.INFO, "fastxai"):
        found = rise(BOTH[:1], 0, ret="result")
    assert found.num_masks.tolist() == [512]
    noisy = (design, estimator) == ("iid", "plain") and level != 0
    assert found.correlation.tolist() == [[0.0 if noisy else 1.0]]
    if not noisy:
        np.testing.assert_allclose(found.saliency, np.float32(0.5 * level), rtol=1e-6)
        assert found.reached.tolist() == [True]
    assert np.isfinite(found.standard_error).all()
    (said,) = [text for text in messages(caplog) if "same score" in text]
    assert said.startswith("RISE: all 512 masks give the same score for class 0: ")
    assert not [text for text in messages(caplog) if "nan" in text.lower()]


@pytest.mark.parametrize("level", [-7.3, 1e-30, 3e30])
def test_of_any_size(level):
    found = auto(Levels([level, 1.0]))(BOTH[:1], 0, ret="result")
    assert (found.num_masks.tolist(), found.correlation.tolist()) == ([512], [[1.0]])


def test_scores_that_are_equal_but_for_float32_rounding_are_equal():
    found = auto(Levels([0.3, 1.0], jitter=6e-8), design="iid")(BOTH[:1], 0, ret="result")
    assert found.num_masks.tolist() == [512]
    assert found.correlation.tolist() == [[1.0]]


def test_scores_that_differ_by_more_are_not():
    rise = auto(Levels([0.3, 1.0], jitter=1e-4), design="iid", tol=0.98)
    found = rise(BOTH[:1], 0, ret="result")
    assert found.num_masks[0] > 512
    assert 0.98 <= found.correlation[0, 0] < 0.99


@pytest.mark.parametrize(("design", "estimator"), KINDS[1:])
def test_a_constant_target_beside_another_keeps_nobody_waiting(design, estimator):
    network, options = Levels([0.1, 0.2], moving=[1]), {"design": design, "estimator": estimator}
    alone = auto(network, tol=0.9, **options)(BOTH[:1], 1, ret="result")
    together = auto(network, tol=0.9, **options)(BOTH[:1], [[0, 1, 0]], ret="result")
    assert together.num_masks.tolist() == alone.num_masks.tolist()
    assert together.num_masks[0] < 8192
    assert together.correlation[0, [0, 2]].tolist() == [1.0, 1.0]
    assert together.correlation[0, 1] == pytest.approx(alone.correlation[0, 0], rel=1e-9)


def test_a_constant_target_of_the_plain_sum_keeps_nobody_waiting():
    rise = auto(Levels([0.1, 0.0], moving=[1]), design="iid", estimator="plain", tol=0.5)
    alone, together = rise(BOTH[:1], 1, ret="result"), rise(BOTH[:1], [[0, 1]], ret="result")
    assert together.num_masks.tolist() == alone.num_masks.tolist()
    assert together.correlation[0, 0] == 0.0


def test_at_the_ceiling_the_log_names_the_target_that_is_not_sure(caplog):
    rise = auto(Levels([0.1, 0.2], moving=[1]), design="iid", tol=0.9999, max_masks=700)
    with caplog.at_level(logging.WARNING, "fastxai"):
        found = rise(BOTH[:1], [[0, 1]], ret="result")
    (said,) = [text for text in messages(caplog) if "max_masks" in text]
    assert f"the predicted correlation is {found.correlation[0, 1]:.4g};" in said
    assert found.reached.tolist() == [False]


@pytest.mark.parametrize("estimator", ["plain", "centred", "control-variate"])
def test_a_fixed_number_of_masks_has_no_nan_either(estimator):
    rise = RISE(Levels([0.1, 0.0]), nn.Identity(), num_masks=300, seed=0, estimator=estimator)
    found = rise(BOTH, [[0, 1], [0, 1]], ret="result")
    expected = [[0.0 if estimator == "plain" else 1.0, 1.0]] * 2
    assert found.correlation.tolist() == expected


@pytest.mark.parametrize("shape", [(1, 1), (1, 9)])
def test_images_of_one_row_or_pixel_have_no_nan(shape):
    images = ms.Tensor(np.random.default_rng(1).normal(size=(1, 3, *shape)).astype(np.float32))
    network = networks.Linear(np.random.default_rng(2).normal(size=(2, 3, *shape)))
    found = auto(network, design="iid", tol=0.6, max_masks=1024)(images, [[0, 1]], ret="result")
    assert np.isfinite(found.correlation).all()


class Classifier(networks.Linear):
    """With what an OoDNet asks for; its features do not depend on the image."""

    def __init__(self) -> None:
        super().__init__(np.random.default_rng(2).normal(size=(2, 3, *SIZE)).astype(np.float32))
        self.num_features = 4
        self.output_features = False
        self.ones = ms.Tensor(np.ones((1, 4), np.float32))

    def construct(self, x):
        if self.output_features:
            return self.ones + 0 * x.mean((1, 2, 3)).reshape(-1, 1)
        return super().construct(x)


@pytest.mark.parametrize("design", ["iid", "oa128"])
def test_riseplus_of_an_image_like_a_masked_one_is_certain_zeros(mode, design):
    """Every weight is 0, since the OoDNet cannot tell the image from the masked one."""
    network = Classifier()
    plus = RISEPlus(
        OoDNet(network, 2), network, nn.Softmax(), 64, num_masks="auto", seed=0, design=design
    )
    found = plus(BOTH[:1], [[0, 1]], ret="result")
    assert not found.saliency.any()
    assert found.num_masks.tolist() == [512]
    assert found.correlation.tolist() == [[1.0, 1.0]]


# ---- benchmarks ------------------------------------------------------------------------------


class Planted(Attribution):
    """An explainer whose maps of the image and of all others are given."""

    def __init__(self, network, first, others):
        super().__init__(network)
        self._maps = [first, others]

    def __call__(self, images, targets, **_):
        saliency = self._maps[0] if np.allclose(images.asnumpy(), IMAGES[:1]) else self._maps[1]
        return ms.Tensor(np.repeat(saliency[None, None], len(images), axis=0))


ZEROS = np.zeros(SIZE, np.float32)
SPOT = np.pad(np.ones((2, 2), np.float32), ((3, SIZE[0] - 5), (4, SIZE[1] - 6)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("first", "others", "expected"),
    [
        (ZEROS, ZEROS, 1.0),
        (ZEROS, SPOT, 0.0),
        (ZEROS, SPOT * 1e-40, 0.0),
        (SPOT, ZEROS, np.exp(-1)),
        (SPOT * 0 + 3, SPOT * 0 + 3, 1.0),
        (SPOT, SPOT * 3, np.exp(-2)),
    ],
)
def test_robustness_of_zero_and_constant_maps(first, others, expected):
    explainer = Planted(Levels([0.1, 0.2]), first, others)
    robustness = Robustness(2, nn.Softmax(), seed=0)
    result = robustness.evaluate(explainer, BOTH[:1], 1)
    np.testing.assert_allclose(result, [expected], rtol=1e-6)
    robustness.aggregate(result, 1)
    assert robustness.performance == result[0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("saliency", [ZEROS, ZEROS + 2, -SPOT, SPOT * 1e-40])
@pytest.mark.parametrize("moving", [(), (1,)])
def test_no_benchmark_returns_nan(saliency, moving):
    explainer = Planted(Levels([0.1, 0.2], moving=moving), saliency, saliency)
    mask = (SPOT > 0)[None, None]
    results = [
        Robustness(2, nn.Softmax(), seed=0).evaluate(explainer, BOTH[:1], 1),
        ClassSensitivity().evaluate(explainer, BOTH[:1]),
        *(
            Faithfulness(2, nn.Softmax(), metric).evaluate(explainer, BOTH[:1], 1)
            for metric in ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")
        ),
        *(
            Localization(2, metric).evaluate(explainer, BOTH[:1], 1, mask=mask)
            for metric in ("PointingGame", "IoSR")
        ),
    ]
    assert all(((r >= 0) & (r <= 1)).all() for r in results)
