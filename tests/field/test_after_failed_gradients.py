"""A map failed or was of second derivatives after a gradient that an exception had ended.

In PYNATIVE_MODE MindSpore keeps the pass that was begun, and takes the next one for a part of it.
LayerNorm shows it: its second derivative raises "For LayerNormGrad, the index 7 is out of range".
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import GradCAM, Gradient, GuidedBackprop
from fastxai.explainer.backprop.backprop_utils import GradNet
from fastxai.tool.cv import OoDNet

RNG = np.random.default_rng(0)
IMAGE = ms.Tensor(RNG.normal(size=(1, 3, 4, 5)).astype(np.float32))
WEIGHT = RNG.normal(size=(2, 3)).astype(np.float32)


class Normalises(nn.Cell):
    """LayerNorm over the channels of every pixel, the mean over the pixels, 2 classes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Identity()
        self.norm = nn.LayerNorm((3,), epsilon=1e-5)
        self.head = nn.Dense(3, 2, weight_init=ms.Tensor(WEIGHT), has_bias=False)

    def construct(self, x):
        x = self.conv(x).transpose((0, 2, 3, 1))
        return self.head(self.norm(x).mean((1, 2)))


def right_gradient():
    """Of class 1 by the formula of LayerNorm, (3, 4, 5) float64."""
    x = IMAGE.asnumpy()[0].astype(float)
    centred = x - x.mean(0)
    scale = 1 / np.sqrt((centred**2).mean(0) + 1e-5)
    normal = centred * scale
    upper = WEIGHT[1].astype(float)[:, None, None] / 20
    return scale * (upper - upper.mean(0) - normal * (upper * normal).mean(0))


class Fails(nn.Cell):
    """Raises after a layer has run."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.conv = nn.Conv2d(3, 4, 1)
        self.num_features, self.output_features = 4, False

    def construct(self, x):
        x = self.conv(x)
        if self.how == "operator":
            return ops.reshape(x, (7, 11))
        if self.how == "gradient":
            ms.grad(lambda value: (value * value).sum())(x)
        raise KeyboardInterrupt if self.how == "interrupt" else ValueError("reshape")


def explain(network, explainer):
    if explainer is GradCAM:
        return GradCAM(network, layer="conv")(IMAGE, 1)
    return explainer(network)(IMAGE, 1)


@pytest.mark.parametrize("how", ["operator", "gradient", "interrupt", "own"])
@pytest.mark.parametrize("explainer", [Gradient, GradCAM, GuidedBackprop])
def test_the_next_map_is_right(explainer, how):
    with pytest.raises((ValueError, KeyboardInterrupt)):
        explain(Fails(how), explainer)
    found = Gradient(Normalises())(IMAGE, 1).asnumpy()[0, 0]
    np.testing.assert_allclose(found, np.abs(right_gradient()).max(0), atol=1e-6)


def test_after_a_network_of_gradients_too():
    with pytest.raises(ValueError, match="reshape"):
        GradNet(Fails("own"))(IMAGE, ms.Tensor(np.ones((1, 2), np.float32)))
    assert Gradient(Normalises())(IMAGE, 1).asnumpy().any()


def test_after_a_training_that_failed_too():
    data = ms.dataset.NumpySlicesDataset(
        (np.zeros((2, 3, 4, 5), np.float32), np.eye(2, dtype=np.float32)), ["data", "label"]
    )
    with pytest.raises(ValueError, match="reshape"):
        OoDNet(Fails("own"), 2).train(data.batch(2), ms.nn.SoftmaxCrossEntropyWithLogits())
    assert Gradient(Normalises())(IMAGE, 1).asnumpy().any()


def test_without_us_mindspore_keeps_the_pass():
    """Else the tests above would prove nothing."""
    failing, network = Fails("own"), Normalises()
    with pytest.raises(ValueError, match="reshape"):
        ms.grad(failing)(IMAGE)
    with pytest.raises(RuntimeError, match="LayerNormGrad"):
        ms.grad(lambda images: network(images).sum())(IMAGE)
    assert ms.grad(lambda images: network(images).sum())(IMAGE).asnumpy().any()
