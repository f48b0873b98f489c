"""RISEPlus against its formula and against mindspore_xai."""

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import reference
from fastxai.explainer import RISE, RISEPlus
from fastxai.scores import Margin
from fastxai.tool.cv import OoDNet
from tests import _networks as networks
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close
from tests.tool import _classifiers as classifiers

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 16, 13)).astype(np.float32)
TARGETS = [[1, 0], [0, 2]]
PEER = np.load(Path(__file__).parents[1] / "data" / "ood_net_peer.npz")


def plain_pair(seed=0, ood_classes=3):
    """A classifier of IMAGES and an OoDNet on it, weights from a seed; softmax not saturated."""
    classifier = classifiers.Plain(seed=seed, pixels=IMAGES[0].size)
    classifier.fc1.weight.set_data(classifier.fc1.weight * 0.1)
    ood_net = OoDNet(classifier, ood_classes)
    values = np.random.default_rng(seed + 1).normal(size=(ood_classes, 6)).astype(np.float32)
    ood_net._h.weight.set_data(ms.Tensor(values))
    return classifier, ood_net


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def by_hand(images, classifier, ood_net):
    """Probabilities (M, K) and largest OoD scores (M,), float64."""
    arrays = {p.name: p.asnumpy().astype(np.float64) for p in classifier.get_parameters()}
    flat = images.reshape(len(images), -1)
    f = np.maximum(flat @ arrays["fc1.weight"].T + arrays["fc1.bias"], 0)
    h = ood_net._h.weight.asnumpy().astype(np.float64)
    units = [x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-4) for x in (f, h)]
    probabilities = softmax(f @ arrays["fc2.weight"].T + arrays["fc2.bias"])
    return probabilities, (units[0] @ units[1].T).max(axis=1)


def formula(image, targets, pair, seed, count, estimator, base=0.0, score=lambda rows: rows):
    """The map, dense, all in float64 NumPy."""
    cells, shifts = reference.mask_grid(seed, 0, count, (10, 10), 2**31, (11, 11))
    size = image.shape[1:]
    masks = reference.mask_upsample(cells, shifts, size, (size[0] + 10, size[1] + 10))[:, 0]
    copies = image[None] * masks[:, None] + base * (1 - masks[:, None])
    ends = np.stack([np.full(image.shape, base), image]).astype(np.float64)
    low, high = by_hand(ends, *pair)[1]
    probabilities, inlier = by_hand(copies, *pair)
    weights = (np.clip(inlier, low, high) - low) / (high - low + 2.2e-16)
    scores = score(probabilities)[:, targets] * weights[:, None]
    if estimator == "plain":
        return np.einsum("mt,myx->tyx", scores, masks) / count
    mean = scores.mean(axis=0)
    return 0.5 * mean[:, None, None] + np.einsum("mt,myx->tyx", scores - mean, masks) / (count - 1)


@pytest.mark.parametrize(("estimator", "base"), [("plain", 0.0), ("centred", 0.3)])
def test_equals_the_formula_on_the_same_masks(mode, estimator, base):
    pair = plain_pair()
    explainer = RISEPlus(
        pair[1], pair[0], nn.Softmax(), 32, num_masks=101, seed=9, estimator=estimator,
        base_value=base,
    )  # fmt: skip
    maps = explainer(ms.Tensor(IMAGES), TARGETS).asnumpy()
    for image, labels, saliency in zip(IMAGES, TARGETS, maps, strict=True):
        expected = formula(image.astype(np.float64), labels, pair, 9, 101, estimator, base)
        assert_close(saliency, expected, atol=MAP_ATOL)


@pytest.mark.parametrize("engine", ["mindspore", "openvino"])
def test_the_weights_act_on_a_chosen_score(mode, engine):
    if engine != "mindspore":
        pytest.importorskip(engine)
    pair = plain_pair()
    explainer = RISEPlus(
        pair[1], pair[0], "softmax", 32, num_masks=101, seed=9, score=Margin(0, 2), engine=engine
    )
    maps = explainer(ms.Tensor(IMAGES)).asnumpy()
    assert explainer.one_pass
    for image, saliency in zip(IMAGES, maps, strict=True):
        expected = formula(
            image.astype(np.float64), [0], pair, 9, 101, "centred",
            score=lambda rows: rows[:, [0]] - rows[:, [2]],
        )  # fmt: skip
        assert_close(saliency, expected, atol=MAP_ATOL)


def test_the_weights_matter():
    """Else the test above would not tell RISEPlus from RISE."""
    classifier, ood_net = plain_pair()
    options = {"num_masks": 101, "seed": 9}
    weighted = RISEPlus(ood_net, classifier, nn.Softmax(), **options)(ms.Tensor(IMAGES), 0)
    bare = RISE(classifier, nn.Softmax(), **options)(ms.Tensor(IMAGES), 0)
    assert np.abs(weighted.asnumpy() - bare.asnumpy()).max() > 0.01


@pytest.mark.parametrize("shared", [True, False])
def test_equals_mindspore_xai_on_the_same_masks(mode, shared):
    """Also where the OoDNet has a classifier of its own, with Parameters of the same names."""
    classifier = classifiers.Convolution(seed=3)
    other = classifier if shared else classifiers.Convolution(seed=5)
    ood_net = OoDNet(other, 3)
    saved = {
        name.partition("/")[2]: ms.Parameter(ms.Tensor(PEER[name]))
        for name in PEER.files
        if name.startswith("riseplus/")
    }
    assert ms.load_param_into_net(ood_net, saved) == ([], [])
    explainer = RISEPlus(
        ood_net, classifier, nn.Softmax(), 20, num_masks=40, seed=3, estimator="plain"
    )
    targets = ms.Tensor(PEER["riseplus_targets"])
    maps = explainer(ms.Tensor(PEER["riseplus_images"]), targets).asnumpy()
    assert_close(maps, PEER["riseplus_maps"], atol=MAP_ATOL)


def test_an_image_that_scores_like_the_blank_one_gets_zeros(mode):
    classifier, ood_net = plain_pair()
    images = np.stack([np.zeros_like(IMAGES[0]), IMAGES[0]])
    maps = RISEPlus(ood_net, classifier, nn.Softmax(), num_masks=40, seed=0)(ms.Tensor(images), 1)
    np.testing.assert_array_equal(maps.asnumpy()[0], 0)
    assert np.abs(maps.asnumpy()[1]).max() > 1e-3


def test_an_image_that_scores_below_the_blank_one_gets_rises_map():
    classifier, ood_net = plain_pair(ood_classes=1)
    ends = np.stack([np.zeros_like(IMAGES[0]), IMAGES[0]]).astype(np.float64)
    low, high = by_hand(ends, classifier, ood_net)[1]
    if high > low:
        ood_net._h.weight.set_data(-ood_net._h.weight)
    options = {"num_masks": 40, "seed": 0}
    maps = RISEPlus(ood_net, classifier, nn.Softmax(), **options)(ms.Tensor(IMAGES[:1]), 1)
    expected = RISE(classifier, nn.Softmax(), **options)(ms.Tensor(IMAGES[:1]), 1)
    assert_close(maps.asnumpy(), expected.asnumpy(), atol=MAP_ATOL)


@pytest.mark.parametrize("per_eval", [7, 1000])
def test_same_seed_same_map_for_any_batch_size(per_eval):
    classifier, ood_net = plain_pair()
    maps = [
        RISEPlus(ood_net, classifier, nn.Softmax(), number, num_masks=100, seed=1)(
            ms.Tensor(IMAGES), TARGETS
        ).asnumpy()
        for number in (50, per_eval)
    ]
    assert_close(maps[1], maps[0], atol=NETWORK_ATOL)


def test_the_host_path_gives_the_same_map(monkeypatch, mode):
    classifier, ood_net = plain_pair()
    maps = []
    for native in (True, False):
        monkeypatch.setattr("fastxai.explainer.perturb.backend.has_native", lambda n=native: n)
        explainer = RISEPlus(ood_net, classifier, nn.Softmax(), num_masks=70, seed=1)
        maps.append(explainer(ms.Tensor(IMAGES), TARGETS).asnumpy())
    assert_close(maps[1], maps[0], atol=NETWORK_ATOL)


def test_graph_mode_compiles_the_step_and_the_bounds_once():
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        classifier, ood_net = plain_pair()
        explainer = RISEPlus(ood_net, classifier, nn.Softmax(), 32, num_masks=70)
        for target in range(3):
            explainer(ms.Tensor(IMAGES), target)
        assert [len(cell.compile_cache) for cell in explainer._backend.compiled] == [1, 1]
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


def test_changed_weights_are_seen_by_the_next_call(mode):
    pair = plain_pair()
    explainer = RISEPlus(pair[1], pair[0], nn.Softmax(), num_masks=60, seed=0)
    explainer(ms.Tensor(IMAGES[:1]), 1)
    classifiers.set_weights(pair[0], 7)
    pair[1]._h.weight.set_data(ms.Tensor(np.eye(3, 6, dtype=np.float32)))
    expected = formula(IMAGES[0].astype(np.float64), [1], pair, 0, 60, "centred")
    assert_close(explainer(ms.Tensor(IMAGES[:1]), 1).asnumpy()[0], expected, atol=MAP_ATOL)


def test_an_ood_net_that_a_script_sets_weighs():
    classifier, ood_net = plain_pair()
    other = OoDNet(classifier, 3)
    other._h.weight.set_data(ood_net._h.weight[::-1] * 2 + 1)
    plus = RISEPlus(ood_net, classifier, nn.Softmax(), num_masks=40, seed=2, estimator="plain")
    plus(ms.Tensor(IMAGES[:1]), 1)
    plus._ood_net = other
    expected = formula(IMAGES[0].astype(np.float64), [1], (classifier, other), 2, 40, "plain")
    assert_close(plus(ms.Tensor(IMAGES[:1]), 1).asnumpy()[0], expected, atol=MAP_ATOL)


def test_the_ood_net_may_have_another_number_of_classes():
    pair = plain_pair(ood_classes=4)
    explainer = RISEPlus(pair[1], pair[0], nn.Softmax(), num_masks=60, seed=0)
    expected = formula(IMAGES[0].astype(np.float64), [1], pair, 0, 60, "centred")
    assert_close(explainer(ms.Tensor(IMAGES[:1]), 1).asnumpy()[0], expected, atol=MAP_ATOL)


def test_float16_classifiers_are_scored_in_float16(mode):
    network = networks.Half()
    classifier = classifiers.Plain(pixels=3 * 12 * 12).to_float(ms.float16)
    images = ms.Tensor(np.random.default_rng(0).random((1, 3, 12, 12)).astype(np.float32))
    explainer = RISEPlus(OoDNet(classifier, 3), network, nn.Softmax(), num_masks=40, seed=0)
    assert np.isfinite(explainer(images, 1).asnumpy()).all()


# ---- given back as they came ----------------------------------------------------------------


def state_of(*cells):
    """Flags, names and weights of all."""
    return [
        (
            [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in cell.get_parameters()],
            [(name, part.training, part.phase) for name, part in cell.cells_and_names()],
        )
        for cell in cells
    ]


def test_networks_in_training_mode_are_evaluated_and_given_back(mode):
    classifier = classifiers.Convolution(seed=3)
    network = classifiers.Convolution(seed=3)
    ood_net = OoDNet(classifier, 3)
    cells = (classifier, network, ood_net)
    options = {"num_masks": 40, "seed": 0}
    explainer = RISEPlus(ood_net, network, nn.Softmax(), **options)
    maps = []
    for training in (False, True):
        for cell in cells:
            cell.set_train(training)
        before = state_of(*cells)
        maps.append(explainer(ms.Tensor(IMAGES), 1).asnumpy())
        assert state_of(*cells) == before
    np.testing.assert_array_equal(maps[0], maps[1])
    assert explainer.ood_net is ood_net


def test_after_an_exception_in_the_ood_net_all_is_as_it_was_and_works():
    classifier = classifiers.Failing(pixels=IMAGES[0].size)
    ood_net = OoDNet(classifier, 3).set_train(True)
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), num_masks=40, seed=0)
    before = state_of(classifier, ood_net)
    with pytest.raises(RuntimeError, match="the classifier failed"):
        explainer(ms.Tensor(IMAGES), 1)
    assert state_of(classifier, ood_net) == before
    classifier.fail = False
    assert explainer(ms.Tensor(IMAGES), 1).shape == (2, 1, 16, 13)


# ---- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize("ood_net", [None, nn.ReLU(), OoDNet])
def test_refuses_what_is_no_ood_net(ood_net):
    with pytest.raises(TypeError, match="RISEPlus: `ood_net` must be an OoDNet, got"):
        RISEPlus(ood_net, networks.SmallConv(), nn.Softmax())


def test_refuses_rises_arguments_in_its_own_name():
    with pytest.raises(ValueError, match="RISEPlus: `estimator` must be one of"):
        RISEPlus(plain_pair()[1], networks.SmallConv(), nn.Softmax(), estimator="mean")


def test_ood_scores_that_are_not_finite_are_refused():
    classifier, ood_net = plain_pair()
    ood_net._h.weight.set_data(ms.Tensor(np.full((3, 6), np.nan, np.float32)))
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), num_masks=40)
    with pytest.raises(ValueError, match="`ood_net` returned scores that are not finite"):
        explainer(ms.Tensor(IMAGES), 1)


def test_features_of_another_shape_are_refused_and_a_good_network_works_after(mode):
    classifier = classifiers.Deaf(pixels=IMAGES[0].size)
    explainer = RISEPlus(OoDNet(classifier, 3), classifier, nn.Softmax(), num_masks=40)
    with pytest.raises(ValueError, match=r"must return features \(N, 6\)"):
        explainer(ms.Tensor(IMAGES), 1)
    assert not len(explainer._backend.compiled)


def test_a_network_with_a_wrong_output_is_refused(mode):
    ood_net = plain_pair()[1]
    explainer = RISEPlus(ood_net, networks.WrongRows(), networks.Identity(), 10, num_masks=20)
    with pytest.raises(ValueError, match=r"must return \(M, classes\) scores for M images"):
        explainer(ms.Tensor(IMAGES), 0)
