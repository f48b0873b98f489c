"""Inputs and targets as people give them: taken, or refused with the line that makes them right."""

import logging

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from PIL import Image

from fastxai.benchmark import Faithfulness
from fastxai.explainer import RISE, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion
from tests import _networks as networks

IMAGES = np.random.default_rng(0).random((2, 3, 12, 15)).astype(np.float32)
MAKERS = {
    "Gradient": Gradient,
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
    "GradCAM": lambda network: GradCAM(network, "conv"),
    "Occlusion": lambda network: Occlusion(network, "softmax", window=3),
    "RISE": lambda network: RISE(network, "softmax", num_masks=8, seed=0),
}
PICTURE = Image.fromarray((IMAGES[0].transpose(1, 2, 0) * 255).astype(np.uint8))


def line_in(message):
    """The line of code that a message ends with."""
    return message.split("use ")[-1].split(", and scale")[0].removesuffix(".")


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer:
    """One class over all explainers."""

    def test_without_targets_the_top_class_is_explained(self, make, caplog):
        network = networks.SmallConv()
        top = network.set_train(False)(ms.Tensor(IMAGES)).asnumpy().argmax(1)
        explainer = make(network)
        assert explainer.last_targets is None
        with caplog.at_level(logging.INFO, "fastxai"):
            maps = explainer(ms.Tensor(IMAGES)).asnumpy()
        np.testing.assert_array_equal(explainer.last_targets, top[:, None])
        assert f"top class of each image, {top}" in caplog.text
        np.testing.assert_array_equal(maps, make(network)(ms.Tensor(IMAGES), top).asnumpy())

    @pytest.mark.parametrize(
        ("inputs", "shape"),
        [
            (IMAGES, (2, 3, 12, 15)),
            (IMAGES[0], (1, 3, 12, 15)),
            (IMAGES.transpose(0, 2, 3, 1), (2, 3, 12, 15)),
            (IMAGES[0].transpose(1, 2, 0), (1, 3, 12, 15)),
            (PICTURE, (1, 3, 12, 15)),
            ([IMAGES[0], IMAGES[1]], (2, 3, 12, 15)),
            ([ms.Tensor(IMAGES[0]), ms.Tensor(IMAGES[1])], (2, 3, 12, 15)),
            (ms.Tensor(IMAGES[0]), (1, 3, 12, 15)),
            (ms.Tensor(IMAGES[0].transpose(1, 2, 0)), (1, 3, 12, 15)),
            (ms.Tensor(IMAGES[0, 0]), (1, 1, 12, 15)),
        ],
        ids=["array", "CHW", "NHWC", "HWC", "PIL", "arrays", "tensors", "chw", "hwc", "hw"],
    )
    def test_other_inputs_are_refused_with_the_line_that_makes_them_right(
        self, make, inputs, shape
    ):
        explainer = make(networks.SmallConv())
        with pytest.raises((TypeError, ValueError), match="`inputs` must be") as info:
            explainer(inputs, 1)
        made = eval(line_in(str(info.value)), {"inputs": inputs, "np": np, "ms": ms})
        assert isinstance(made, ms.Tensor)
        assert made.shape == shape

    def test_images_in_another_order_are_refused_in_a_line(self, make):
        turned = ms.Tensor(IMAGES.transpose(0, 2, 3, 1).copy())
        with pytest.raises(
            ValueError,
            match=r"`inputs` has 12 channels, and `network` takes 3: are its axes in the order "
            r"N, H, W, C\? Use inputs.transpose\(0, 3, 1, 2\)",
        ):
            make(networks.SmallConv())(turned, 1)

    @pytest.mark.parametrize("channels", [1, 4, 6])
    def test_another_number_of_channels_is_refused_in_a_line(self, make, channels):
        images = ms.Tensor(np.random.default_rng(0).random((1, channels, 12, 15), np.float32))
        words = f"`inputs` has {channels} channels, and `network` takes 3"
        with pytest.raises(ValueError, match=words) as info:
            make(networks.SmallConv())(images, 1)
        assert "\n" not in str(info.value)

    def test_several_classes_of_one_image_are_hinted_at(self, make):
        explainer = make(networks.SmallConv())
        with pytest.raises(ValueError, match=r"for 2 classes of the image write \[\[3, 1\]\]\."):
            explainer(ms.Tensor(IMAGES[:1]), [3, 1])
        with pytest.raises(ValueError, match=r"write \[\[3, 1, 0\]\] \* 2\."):
            explainer(ms.Tensor(IMAGES), [3, 1, 0])


@pytest.mark.parametrize("name", ["Gradient", "RISE"])
def test_it_is_the_same_in_graph_mode(graph_mode, name):
    explainer = MAKERS[name](networks.SmallConv())
    maps = explainer(ms.Tensor(IMAGES)).asnumpy()
    top = explainer.last_targets
    np.testing.assert_array_equal(maps, explainer(ms.Tensor(IMAGES), top).asnumpy())
    with pytest.raises(ValueError, match="are its axes in the order N, H, W, C") as info:
        explainer(ms.Tensor(IMAGES.transpose(0, 2, 3, 1).copy()), 1)
    assert "\n" not in str(info.value)


class Turns(nn.Cell):
    """Takes (N, H, W, C), and a convolution that says 3 channels."""

    def __init__(self):
        super().__init__()
        self.network = networks.SmallConv()

    def construct(self, x):
        return self.network(x.transpose(0, 3, 1, 2))


def test_a_network_that_takes_its_images_is_not_refused():
    images = ms.Tensor(IMAGES.transpose(0, 2, 3, 1).copy())
    assert Occlusion(Turns(), "softmax")(images, 1).shape == (2, 1, 15, 3)


def test_the_result_says_which_classes():
    network = networks.SmallConv()
    top = network.set_train(False)(ms.Tensor(IMAGES)).asnumpy().argmax(1)
    found = RISE(network, "softmax", num_masks=16, seed=0)(ms.Tensor(IMAGES), ret="result")
    np.testing.assert_array_equal(found.targets, top[:, None])


def test_a_benchmark_still_needs_a_target():
    explainer = MAKERS["Occlusion"](networks.SmallConv())
    with pytest.raises(TypeError, match="got NoneType"):
        Faithfulness(5, None).evaluate(explainer, ms.Tensor(IMAGES[:1]), None)


def test_a_benchmark_says_channels_too():
    explainer = MAKERS["Occlusion"](networks.SmallConv())
    images = ms.Tensor(IMAGES[:1].transpose(0, 2, 3, 1).copy())
    with pytest.raises(ValueError, match="are its axes in the order N, H, W, C"):
        Faithfulness(5, None).evaluate(explainer, images, 1)
