"""Maps of zeros of networks that gradients do not pass, without a word.

`ops.stop_gradient`, NumPy inside, a MindIR file, a rounding: the scores change with the image, the
gradient is zero everywhere. A map of zeros may also be right, and is not warned of then.
"""

import warnings

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import Deconvolution, GradCAM, Gradient, GuidedBackprop

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)
SEED = 1  # of a network that chooses class 1 for some images
KINDS = (Gradient, GuidedBackprop, Deconvolution)
MODES = ("pynative", "graph")
WORDS = "no gradient arrives at the images, although the scores change with them"


class Net(nn.Cell):
    """conv, ReLU, mean, dense; what happens before and after the convolution is given by a word."""

    def __init__(self, before="", after="", bias=0.0, seed=0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.before, self.after = before, after
        weight = ms.Tensor(rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
        self.conv = nn.Conv2d(
            3, 4, 3, weight_init=weight, has_bias=True, bias_init=ms.Tensor(np.full(4, bias, "f"))
        )
        self.relu = nn.ReLU()
        self.head = nn.Dense(4, 3, ms.Tensor(rng.normal(size=(3, 4)).astype(np.float32)))

    def change(self, how, x):
        """What no gradient passes, and things that it does pass."""
        if how == "stop":
            x = ops.stop_gradient(x)
        elif how == "round":
            x = ops.round(x * 4)
        elif how == "integers":
            x = (x * 4).astype(ms.int32).astype(ms.float32)
        elif how == "sign":
            x = ops.sign(x)
        elif how == "half":
            x = ops.stop_gradient(x) + x
        elif how == "nothing":
            x = x * 0
        elif how == "numpy":
            x = ms.Tensor(x.asnumpy() * 2)
        return x

    def construct(self, x):
        x = self.relu(self.conv(self.change(self.before, x)))
        return self.head(self.change(self.after, x).mean(axis=(2, 3)))


class OneHot(Net):
    """Scores by argmax."""

    def construct(self, x):
        scores = self.head(self.relu(self.conv(x)).mean(axis=(2, 3)))
        return (ops.arange(3) == scores.argmax(axis=1).reshape(-1, 1)).astype(ms.float32)


class Sure(Net):
    """Probabilities that float32 cannot tell from 0 and 1."""

    def construct(self, x):
        return ops.softmax(1e4 * self.head(self.relu(self.conv(x)).mean(axis=(2, 3))), axis=1)


class Negative(Net):
    """Weights that guided back-propagation hands nothing through."""

    def __init__(self):
        super().__init__()
        self.head.weight.set_data(-ops.abs(self.head.weight))


def explain(explainer, images=IMAGES):
    """The map of class 1, and what was said."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        saliency = explainer(ms.Tensor(images), 1).asnumpy()
    words = [str(w.message) for w in said if issubclass(w.category, UserWarning)]
    return saliency, words


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        *((Gradient, how) for how in ("stop", "numpy", "round", "integers", "sign")),
        (GuidedBackprop, "numpy"),  # all look for a plain gradient, in the same way
        (Deconvolution, "round"),
    ],
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_no_gradient_arrives(kind, how, where):
    network = Net(**{where: how})
    explainer = kind(network)
    for _ in range(2):
        saliency, said = explain(explainer)
        assert not saliency.any()
        assert [WORDS in words for words in said] == [True]


@pytest.mark.parametrize(
    ("kind", "make", "mode"),
    [
        *((kind, lambda: Net("stop"), mode) for kind in KINDS for mode in MODES),
        *((kind, lambda: OneHot(seed=SEED), "pynative") for kind in KINDS),
        (Gradient, lambda: OneHot(seed=SEED), "graph"),
    ],
    indirect=["mode"],
)
def test_no_gradient_arrives_in_either_mode(kind, make, mode):
    saliency, said = explain(kind(make()))
    assert not saliency.any()
    assert [WORDS in words for words in said] == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_no_gradient_passes_a_mindir_file(kind, tmp_path):
    network = Net().set_train(False)
    ms.export(network, ms.Tensor(IMAGES), file_name=str(tmp_path / "net"), file_format="MINDIR")
    cell = nn.GraphCell(ms.load(str(tmp_path / "net.mindir")))
    saliency, said = explain(kind(nn.SequentialCell(cell)))
    assert not saliency.any()
    assert any(WORDS in words for words in said)


RIGHT = {
    "closed": lambda: Net(bias=-60.0),  # all ReLUs, at these images, not at stronger ones
    "dead": lambda: Net(bias=-1e6),  # at all
    "independent": lambda: Net("nothing"),  # the scores do not depend on the images
    "of the head alone": lambda: Net("", "nothing"),
    "saturated": Sure,
}


@pytest.mark.parametrize(
    ("kind", "make", "mode"),
    [
        *((kind, name, "pynative") for kind in KINDS for name in RIGHT),
        # What compiles is the pass, once a kind, and the network: not all pairs of them.
        *((Gradient, name, "graph") for name in RIGHT),
        (GuidedBackprop, "closed", "graph"),
        (Deconvolution, "independent", "graph"),
    ],
    indirect=["mode"],
)
def test_zeros_that_are_right_are_not_warned_of(kind, make, mode):
    saliency, said = explain(kind(RIGHT[make]()))
    assert not saliency.any() or kind is Deconvolution  # whose rule passes closed ReLUs
    assert said == []


@pytest.mark.parametrize("kind", [GuidedBackprop, Deconvolution])
def test_what_the_rule_holds_back_is_not_warned_of(kind, mode):
    saliency, said = explain(kind(Negative()))
    assert not saliency.any()
    assert said == []


def test_a_branch_with_a_gradient_is_enough(mode):
    saliency, said = explain(Gradient(Net("half")))
    assert saliency.any()
    assert said == []


def test_one_image_of_several_may_have_zeros():
    images = IMAGES.copy()
    images[1] = 0
    saliency, said = explain(Gradient(Net(bias=-1.0)), images)
    assert saliency[0].any()
    assert not saliency[1].any()
    assert said == []


def told(explainer):
    """The error or, of a map of zeros, the warning: which it is depends on operator and mode."""
    try:
        saliency, said = explain(explainer)
    except ValueError as error:
        return str(error)
    assert not saliency.any()
    return said[0]


class TestGradCAM:
    @pytest.mark.parametrize(
        ("how", "mode"),
        [("stop", "pynative"), ("round", "pynative"), ("round", "graph")],
        indirect=["mode"],
    )
    def test_no_gradient_arrives_at_the_layer(self, how, mode):
        words = told(GradCAM(Net("", how), "relu"))
        assert "the layer 'relu'" in words
        assert "ops.stop_gradient" in words

    def test_a_layer_behind_is_explained(self):
        saliency, said = explain(GradCAM(Net("stop"), "relu"))
        assert saliency.any()
        assert said == []

    def test_the_input_is_a_layer(self, mode):
        words = told(GradCAM(Net("round"), ""))
        assert "the layer ''" in words
        assert "ops.stop_gradient" in words

    @pytest.mark.parametrize(
        ("make", "mode"),
        [
            (lambda: (Negative(), "relu"), "pynative"),
            (lambda: (Net("", "nothing"), "relu"), "pynative"),
            (lambda: (Net(bias=-1e6), "conv"), "pynative"),
            (lambda: (Net(bias=-1e6), "conv"), "graph"),
        ],
        ids=["negative", "without a part", "dead", "dead"],
        indirect=["mode"],
    )
    def test_zeros_that_are_right_are_not_warned_of(self, make, mode):
        saliency, said = explain(GradCAM(*make()))
        assert not saliency.any()
        assert said == []
