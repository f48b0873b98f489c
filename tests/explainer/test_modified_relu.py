"""GuidedBackprop and Deconvolution: the ReLUs they see, and what they say of the others."""

import sys
import warnings

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import Deconvolution, Gradient, GuidedBackprop
from tests import _networks as networks
from tests._compare import BACKPROP_RTOL, assert_close
from tests.explainer import _backprop as by_hand
from tests.explainer import _cells as cells

SMALL = np.random.default_rng(0).normal(size=(2, 3, 6, 10)).astype(np.float32)


@pytest.fixture(params=[GuidedBackprop, Deconvolution])
def kind(request):
    """Both explainers."""
    return request.param


def both_maps(kind, network, other):
    return [kind(net)(ms.Tensor(SMALL), [0, 2]).asnumpy() for net in (network, other)]


@pytest.mark.parametrize("step", cells.STEPS)
def test_sees_a_relu_however_it_is_written(step, kind):
    maps = both_maps(kind, cells.ReLUs([step] * 2), cells.ReLUs(["cell"] * 2))
    assert_close(maps[0], maps[1], atol=0.0)


def test_sees_all_of_them_in_graph_mode_too(kind, mode):
    maps = both_maps(kind, cells.ReLUs(cells.STEPS), cells.ReLUs(["cell"] * len(cells.STEPS)))
    plain = Gradient(cells.ReLUs(cells.STEPS))(ms.Tensor(SMALL), [0, 2]).asnumpy()
    assert_close(maps[0], maps[1], atol=BACKPROP_RTOL, scale=maps[1].max())
    assert np.abs(maps[0] - plain).max() > 0.1 * plain.max()


@pytest.mark.parametrize("make", [ops.ReLU6, cells.CallsReLU6])
def test_sees_relu6_however_it_is_written(make, kind, mode):
    network, images = by_hand.SmallCnn(), by_hand.images()
    del network.relu6
    network.relu6 = make()
    expected = by_hand.saliency(kind.__name__, network, images, [3, 1])
    saliency = kind(network)(ms.Tensor(images), [3, 1]).asnumpy()
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


def test_shared_and_hidden_relus_are_seen(kind, mode):
    network, flat = cells.Structured(), cells.Structured()
    for cell in (flat, *flat.blocks, flat.hidden[0]):
        if hasattr(cell, "activation"):
            cell.activation = nn.ReLU()  # one each
    maps = both_maps(kind, network, flat)
    assert_close(maps[0], maps[1], atol=BACKPROP_RTOL, scale=maps[1].max())


def test_the_callers_own_gradients_stay_plain(kind, mode):
    network, images = cells.ReLUs(["ops.relu", "cell", "in a function"]), ms.Tensor(SMALL)
    before = Gradient(network)(images, 1).asnumpy()
    modified = kind(network)(images, 1).asnumpy()
    np.testing.assert_array_equal(Gradient(network)(images, 1).asnumpy(), before)
    assert np.abs(modified - before).max() > 0.1 * before.max()


def test_nothing_is_left_in_modules(kind, mode):
    modules, function = set(sys.modules), ops.relu
    kind(cells.ReLUs(["ops.relu"]))(ms.Tensor(SMALL), 1)
    assert not [name for name in set(sys.modules) - modules if "fastxai" in name]
    assert ops.relu is function
    assert cells.ops.relu is function


@pytest.mark.parametrize("network", [networks.Flat(), nn.SequentialCell(nn.GELU(), nn.Flatten())])
def test_warns_of_a_network_without_relu(kind, network, mode):
    explainer = kind(network)
    with pytest.warns(UserWarning, match=f"{kind.__name__}: `network` holds no ReLU that can be"):
        saliency = explainer(ms.Tensor(SMALL), 0).asnumpy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        explainer(ms.Tensor(SMALL), 0)
    np.testing.assert_array_equal(saliency, Gradient(network)(ms.Tensor(SMALL), 0).asnumpy())


@pytest.mark.parametrize("make", [cells.InlineReLU, cells.ReachedBySuper, cells.JittedReLU])
def test_warns_of_relus_that_cannot_be_modified(kind, make):
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        words = f"1 ReLU.* cannot be modified in GRAPH_MODE .* called in {make.__name__} itself"
        with pytest.warns(UserWarning, match=words):
            kind(make())(ms.Tensor(SMALL), 1)
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


@pytest.mark.parametrize(
    "make", [by_hand.SmallCnn, cells.Structured, networks.SmallConv, cells.Allowed]
)
def test_does_not_warn_of_usual_networks(kind, make, mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(make())(ms.Tensor(by_hand.images()), 1)


def test_warns_when_the_relus_are_gone_later(kind):
    network = networks.SmallConv()
    explainer = kind(network)
    explainer(ms.Tensor(SMALL), 0)
    network.relu = nn.GELU()
    with pytest.warns(UserWarning, match="holds no ReLU that can be modified"):
        explainer(ms.Tensor(SMALL), 0)
