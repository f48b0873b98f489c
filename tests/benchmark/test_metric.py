"""What every metric promises: checks, results gathered, the network given back as it came."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from fastxai.benchmark.metric import LabelSensitiveMetric
from fastxai.explainer import Gradient
from tests import _networks as networks
from tests.benchmark._cases import EXPLAINERS, IMAGE, MAP, SIZE, Planted, state_of

MASK = np.ones((1, 1, *SIZE), bool)
SENSITIVE = {
    "NaiveFaithfulness": lambda: Faithfulness(5, nn.Softmax()),
    "DeletionAUC": lambda: Faithfulness(5, nn.Softmax(), "DeletionAUC"),
    "InsertionAUC": lambda: Faithfulness(5, nn.Softmax(), "InsertionAUC"),
    "Robustness": lambda: Robustness(5, nn.Softmax()),
    "PointingGame": lambda: Localization(5),
    "IoSR": lambda: Localization(5, "IoSR"),
}
ALL = {**SENSITIVE, "ClassSensitivity": ClassSensitivity}
ONE_OF_EACH = ("DeletionAUC", "Robustness", "IoSR", "ClassSensitivity")


def evaluate(metric, explainer, inputs=None, targets=1, **kwargs):
    """Any metric on the image."""
    inputs = ms.Tensor(IMAGE) if inputs is None else inputs
    if not isinstance(metric, LabelSensitiveMetric):
        return metric.evaluate(explainer, inputs)
    if isinstance(metric, Localization):
        kwargs.setdefault("mask", MASK)
    return metric.evaluate(explainer, inputs, targets, **kwargs)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "pynative") for name in EXPLAINERS),
        # Occlusion compiles what RISE does, and Deconvolution what GuidedBackprop does.
        *((name, "graph") for name in EXPLAINERS if name not in ("Occlusion", "Deconvolution")),
    ],
    indirect=["mode"],
)
def test_every_metric_works_with_every_explainer_and_leaves_the_network_alone(name, mode):
    network = networks.SmallConv()
    network.set_train(True)
    network.relu.set_train(False)
    network.dense.weight.requires_grad = False
    before = state_of(network)
    explainer = EXPLAINERS[name](network)
    for metric in ONE_OF_EACH:
        result = evaluate(ALL[metric](), explainer)
        assert result.shape == (1,)
        assert 0.0 <= result[0] <= 1.0
    assert state_of(network) == before


def check_given_map(make):
    """The result for a map that is given and for the explainer's own are the same."""
    explainer = Gradient(networks.SmallConv())
    saliency = explainer(ms.Tensor(IMAGE), 1)
    results = []
    for given in (saliency, None):
        np.random.seed(0)
        results.append(evaluate(make(), explainer, saliency=given))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("mode", ["graph"], indirect=True)
@pytest.mark.parametrize("name", sorted(set(ONE_OF_EACH) & set(SENSITIVE)))
def test_a_given_map_gives_what_the_explainer_would_in_graphs_too(name, mode):
    """One metric of each class; what tells those of a class apart is never compiled."""
    check_given_map(SENSITIVE[name])


@pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
class TestEveryMetric:
    """One class over all metrics."""

    def test_after_an_exception_in_the_network_all_is_as_it_was_and_works(self, make):
        network = networks.Failing()
        network.set_train(True)
        explainer = Planted(network, lambda images, targets: np.repeat(MAP, len(images), axis=0))
        metric = make()
        before = state_of(network)
        with pytest.raises(RuntimeError, match="the network failed"):
            evaluate(metric, explainer)
        assert state_of(network) == before
        network.fail = False
        assert np.isfinite(evaluate(metric, explainer)).all()

    def test_takes_another_explainer_at_every_call(self, make):
        metric = make()
        np.random.seed(0)
        results = [evaluate(metric, Gradient(networks.SmallConv(seed=k))) for k in (0, 1)]
        np.random.seed(0)
        expected = [evaluate(make(), Gradient(networks.SmallConv(seed=k))) for k in (0, 1)]
        np.testing.assert_array_equal(results, expected)

    def test_images_of_other_dtypes_are_used_as_float32(self, make):
        image = np.random.default_rng(0).integers(0, 9, IMAGE.shape)
        explainer = Gradient(networks.SmallConv())
        results = []
        for dtype in (np.float32, np.uint8, np.int32, np.float64, np.float16):
            np.random.seed(0)
            results.append(evaluate(make(), explainer, ms.Tensor(image.astype(dtype))))
        np.testing.assert_array_equal(results[1:], results[:1] * 4)

    @pytest.mark.parametrize(
        ("inputs", "error", "words"),
        [
            (IMAGE, TypeError, "`inputs` must be a Tensor, got ndarray"),
            (ms.Tensor(IMAGE[0]), ValueError, r"`inputs` must be \(N, C, H, W\)"),
            (ms.Tensor(np.repeat(IMAGE, 2, axis=0)), ValueError, "`inputs` must be one image"),
            (ms.Tensor(IMAGE[:0]), ValueError, "N at least 1"),
            (ms.Tensor(IMAGE * np.nan), ValueError, "`inputs` must be finite, got nan"),
        ],
        ids=["ndarray", "3-D", "two", "none", "nan"],
    )
    def test_refuses_inputs(self, make, inputs, error, words):
        with pytest.raises(error, match=words):
            evaluate(make(), Gradient(networks.SmallConv()), inputs)

    def test_refuses_what_is_no_explainer(self, make):
        for explainer, kind in ((networks.SmallConv(), "SmallConv"), (None, "NoneType")):
            with pytest.raises(TypeError, match=f"`explainer` must be an explainer.*got {kind}"):
                evaluate(make(), explainer)

    @pytest.mark.parametrize(
        ("maps", "error", "words"),
        [
            (lambda n: np.full((n, 1, *SIZE), np.nan), ValueError, "map must be finite"),
            (lambda n: np.zeros((n, 2, *SIZE)), ValueError, "map must have shape"),
            (lambda n: np.zeros((n, 1, 15, 12)), ValueError, r"got \(\d, 1, 15, 12\)"),
        ],
    )
    def test_refuses_maps_of_the_explainer(self, make, maps, error, words):
        explainer = Planted(networks.SmallConv(), lambda images, targets: maps(len(images)))
        with pytest.raises(error, match=words):
            evaluate(make(), explainer)

    def test_refuses_a_network_that_returns_no_class_scores(self, make):
        explainer = Planted(networks.WrongRows(), lambda images, targets: MAP)
        with pytest.raises(ValueError, match=r"must return \(M, classes\) scores"):
            evaluate(make(), explainer)


@pytest.mark.parametrize("make", SENSITIVE.values(), ids=SENSITIVE.keys())
class TestEveryMetricOfAClass:
    """One class over the metrics that take a target."""

    @pytest.mark.parametrize(
        "targets",
        [3, np.int64(3), [3], (np.int32(3),), np.array(3), [[3]], ms.Tensor(3), ms.Tensor([3])],
        ids=repr,
    )
    def test_takes_targets_in_every_form(self, make, targets):
        explainer = Planted(networks.SmallConv(), lambda images, targets: MAP)
        assert evaluate(make(), explainer, targets=targets).shape == (1,)
        assert all(call[1] == [3] for call in explainer.calls)

    @pytest.mark.parametrize(
        ("targets", "error", "words"),
        [
            (5, ValueError, r"`targets` must be in \[0, 5\), got 5"),
            (-1, ValueError, "`targets` must be 0 or more, got -1"),
            ([1, 2], ValueError, r"`targets` must be one class, \(1,\)"),
            ([[1, 2]], ValueError, "`targets` must be one class per image, got 2"),
            ([], ValueError, "`targets` must not be empty"),
            (2**70, ValueError, r"`targets` must be below 2\^63"),
            (True, TypeError, "got bool"),
            ([True], TypeError, "got bool values"),
            (1.0, TypeError, "got float"),
            (None, TypeError, "got NoneType"),
            (ms.Tensor([1.0]), TypeError, "got float32 values"),
        ],
        ids=str,
    )
    def test_refuses_targets(self, make, targets, error, words):
        with pytest.raises(error, match=words):
            evaluate(make(), Gradient(networks.SmallConv()), targets=targets)

    @pytest.mark.parametrize(
        ("saliency", "error", "words"),
        [
            (MAP, TypeError, "`saliency` must be a Tensor, got ndarray"),
            (ms.Tensor(MAP[0]), ValueError, r"`saliency` must have shape \(1, 1, 12, 15\)"),
            (ms.Tensor(MAP.transpose(0, 1, 3, 2)), ValueError, r"got \(1, 1, 15, 12\)"),
            (ms.Tensor(MAP * np.nan), ValueError, "`saliency` must be finite"),
            (ms.Tensor(MAP > 0), TypeError, "`saliency` must hold numbers, got Bool"),
        ],
        ids=["ndarray", "3-D", "turned", "nan", "bool"],
    )
    def test_refuses_maps(self, make, saliency, error, words):
        with pytest.raises(error, match=words):
            evaluate(make(), Gradient(networks.SmallConv()), saliency=saliency)

    def test_refuses_a_network_of_other_classes(self, make):
        explainer = Planted(networks.SmallConv(classes=6), lambda images, targets: MAP)
        with pytest.raises(ValueError, match="`num_labels` is 5, but the network has 6 classes"):
            evaluate(make(), explainer)
        assert explainer.calls == [], "found out before the explainer worked in vain"

    def test_a_given_map_gives_what_the_explainer_would(self, make):
        check_given_map(make)
