"""GradCAM: layers of every kind, the resizing, and every refusal."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import GradCAM
from tests import _networks as networks
from tests._compare import BACKPROP_RTOL, assert_close
from tests.explainer import _backprop as by_hand
from tests.explainer import _cells as cells

LAYERS = ("", "conv1", "norm", "pool", "conv2", "relu6")
SMALL = np.random.default_rng(0).normal(size=(2, 3, 6, 10)).astype(np.float32)


@pytest.mark.parametrize("layer", LAYERS)
def test_equals_the_paper_by_hand(layer, mode):
    network, images, targets = by_hand.SmallCnn(), by_hand.images(), [3, 1]
    expected = by_hand.saliency("GradCAM", network, images, targets, layer)
    saliency = GradCAM(network, layer)(ms.Tensor(images), targets).asnumpy()
    assert expected.max() > 0
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


def test_a_layer_given_as_cell_is_the_one_of_that_name():
    network, images = by_hand.SmallCnn(), ms.Tensor(by_hand.images())
    named = GradCAM(network, "conv2")(images, 1).asnumpy()
    np.testing.assert_array_equal(GradCAM(network, network.conv2)(images, 1).asnumpy(), named)


def test_the_network_itself_may_be_the_layer(mode):
    network = networks.Dense2d()  # its output (N, 4, H, W) is averaged over positions for scores
    output = SMALL.sum(axis=1, keepdims=True)  # of each channel, its weights being ones
    saliency = GradCAM(network, network)(ms.Tensor(SMALL), 2).asnumpy()
    assert_close(saliency, np.maximum(output, 0) / 60, atol=1e-6)


@pytest.mark.parametrize("size", [(3, 5), (1, 1), (1, 10), (6, 9), (5, 1)])
def test_resizes_in_float_with_pixel_centres_at_halves(size, mode):
    images = SMALL * 300  # far above 1: nothing wraps or is cut
    saliency = GradCAM(cells.Cropped(size), "crop")(ms.Tensor(images), 1).asnumpy()
    expected = by_hand.resize(np.maximum(images[:, 1, : size[0], : size[1]], 0), (6, 10))
    assert_close(saliency[:, 0], expected, atol=BACKPROP_RTOL, scale=expected.max())


def by_hooks(network, layer, targets):
    """GradCAM of a layer from MindSpore's forward hooks: records its output, adds an offset."""
    cell = dict(network.cells_and_names())[layer] if isinstance(layer, str) else layer
    inputs, outputs = ms.Tensor(SMALL), []

    def scores(offset):
        def hook(cell, arguments, output):
            outputs.append(output)
            return output + offset

        handle = cell.register_forward_hook(hook)
        result = network(inputs)
        handle.remove()
        return sum(result[n, target] for n, target in enumerate(targets))

    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        scores(0)
        output = outputs[0].asnumpy()
        gradient = ms.grad(scores)(ms.Tensor(np.zeros_like(output))).asnumpy()
    finally:
        ms.set_context(mode=mode)
    return by_hand.class_activation_map(output, gradient, (6, 10))[:, None]


@pytest.mark.parametrize("layer", ["stem", "blocks.1", "head", "in a list"])
def test_layers_of_containers_and_lists(layer, mode):
    network = cells.Structured()
    layer = network.hidden[0] if layer == "in a list" else layer
    expected = by_hooks(network, layer, [0, 1])
    saliency = GradCAM(network, layer)(ms.Tensor(SMALL), [0, 1]).asnumpy()
    assert expected.max() > 0
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


@pytest.mark.parametrize("layer", ["scaled", "square"])
def test_layers_with_keywords_or_a_bprop(layer, mode):
    expected = by_hooks(cells.OddLayers(cells.Square), layer, [0, 1])
    saliency = GradCAM(cells.OddLayers(), layer)(ms.Tensor(SMALL), [0, 1]).asnumpy()
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


@pytest.mark.parametrize(
    ("make", "layer", "words"),
    [
        (cells.Structured, "blocks.0", "the layer 'blocks.0' is used 2 times in one pass"),
        (cells.Structured, "stem.1", "is used 4 times"),
        (cells.Structured, "dense", r"'dense' must be \(N, K, h, w\), got 2 axes"),
        (cells.Structured, "blocks", "'blocks' has no part in the network's output"),
        (cells.UsesPair, "unused", "'unused' has no part in the network's output"),
        (cells.UsesPair, "pair", "'pair' .* does not return one Tensor"),
        (cells.TwoViews, "conv", "'conv' must be .* with one row per image, N = 2"),
    ],
)
def test_refuses_when_called(make, layer, words, mode):
    explainer = GradCAM(make(), layer)
    with pytest.raises(ValueError, match=words):
        explainer(ms.Tensor(SMALL), 1)


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        ("blocks_1", ValueError, r"no layer 'blocks_1'; the nearest are \['blocks.1'"),
        ("?", ValueError, r"no layer '\?'; it has \['stem', 'stem.0'"),
        (nn.ReLU(), ValueError, "`layer` is a ReLU that is not part of `network`"),
        (3, TypeError, "`layer` must be a str or an nn.Cell, got int"),
        (None, TypeError, "`layer` must be a str or an nn.Cell, got NoneType"),
    ],
    ids=str,
)
def test_constructor_refuses(layer, error, words):
    with pytest.raises(error, match=words):
        GradCAM(cells.Structured(), layer)


def test_a_layer_that_is_gone_is_refused():
    network = cells.Structured()
    explainer = GradCAM(network, network.stem)
    network.stem = cells.conv(3, 5)
    with pytest.raises(ValueError, match="SequentialCell that is not part of `network`"):
        explainer(ms.Tensor(SMALL), 1)
