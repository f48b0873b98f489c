"""Gradient, and what the gradient explainers share."""

import functools
import gc

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import Deconvolution, GradCAM, Gradient, GuidedBackprop
from fastxai.explainer.backprop import gradient as gradient_module
from fastxai.explainer.backprop.backprop_utils import GradNet, get_bp_weights
from tests import _networks as networks
from tests._compare import BACKPROP_RTOL, assert_close
from tests.explainer import _backprop as by_hand
from tests.explainer import _cells as cells

FAMILY = {
    "Gradient": Gradient,
    "GradCAM": lambda network: GradCAM(network, "relu"),
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
}


@pytest.fixture(params=FAMILY.values(), ids=FAMILY.keys())
def make(request):
    """Each explainer of the family."""
    return request.param


@functools.cache
def shared(make, mode):
    """An explainer of a network that no test changes: MindSpore compiles its pass once."""
    return make(by_hand.SmallCnn())


def compilations(explainer):
    """Graphs that an explainer's passes have compiled."""
    return sum(len(cell.compile_cache) for cell in explainer._passes.values())


def test_equals_back_propagation_by_hand(make, mode):
    explainer, images, targets = shared(make, mode), by_hand.images(), [3, 1]
    network = explainer.network
    expected = by_hand.saliency(type(explainer).__name__, network, images, targets)
    saliency = explainer(ms.Tensor(images), targets).asnumpy()
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


def test_of_a_linear_network_is_its_weight(mode):
    weight = np.random.default_rng(0).normal(size=(4, 3, 7, 9))
    images = ms.Tensor(np.ones((2, 3, 7, 9), np.float32))
    saliency = Gradient(networks.Linear(weight))(images, [2, 0]).asnumpy()
    assert_close(saliency[:, 0], np.abs(weight[[2, 0]]).max(axis=1), atol=1e-7, scale=3)


def test_further_axes_of_the_output_are_averaged(mode):
    saliency = Gradient(networks.Dense2d())(ms.Tensor(np.ones((1, 3, 4, 5), np.float32)), 3)
    assert_close(saliency.asnumpy(), np.full((1, 1, 4, 5), 1 / 20), atol=1e-7)


def test_an_output_without_class_axis_is_one_class(mode):
    images = ms.Tensor(np.ones((2, 3, 4, 5), np.float32))
    explainer = Gradient(networks.Flat())
    assert_close(explainer(images, 0).asnumpy(), np.full((2, 1, 4, 5), 1 / 60), atol=1e-7)
    with pytest.raises(ValueError, match=r"`targets` must be in \[0, 1\), got 1"):
        explainer(images, 1)


def test_a_float16_network_is_explained_in_float16(mode):
    network = networks.Half()
    saliency = Gradient(network)(ms.Tensor(np.ones((1, 3, 12, 12), np.float32)), 2)
    expected = np.abs(network.weight.asnumpy()[:, 2].reshape(3, 12, 12)).max(axis=0)
    assert saliency.dtype == ms.float32
    np.testing.assert_array_equal(saliency.asnumpy()[0, 0], expected.astype(np.float32))


def test_a_network_cast_by_to_float_is_explained(make, mode):
    network, images = by_hand.SmallCnn().to_float(ms.float16), by_hand.images()
    explainer = make(network)
    expected = by_hand.saliency(type(explainer).__name__, network, images, [1, 1])
    saliency = explainer(ms.Tensor(images), 1).asnumpy()
    assert np.corrcoef(saliency.ravel(), expected.ravel())[0, 1] > 0.99


def test_each_of_several_targets_gets_its_own_map(make, mode):
    explainer, images = shared(make, mode), ms.Tensor(by_hand.images())
    both = explainer(images, [[0, 3], [2, 2]]).asnumpy()
    assert both.shape == (2, 2, *by_hand.SIZE)
    np.testing.assert_array_equal(both[:, :1], explainer(images, [0, 2]).asnumpy())
    np.testing.assert_array_equal(both[:, 1:], explainer(images, [3, 2]).asnumpy())


def test_images_do_not_influence_each_other(make):
    explainer, images = make(by_hand.SmallCnn()), by_hand.images()
    both = explainer(ms.Tensor(images), [0, 3]).asnumpy()
    alone = explainer(ms.Tensor(images[1:]), 3).asnumpy()
    assert_close(both[1:], alone, atol=BACKPROP_RTOL, scale=alone.max())


def test_what_changes_between_calls_is_seen(make, mode):
    """Weights, then a layer of its own."""
    network, images = by_hand.SmallCnn(seed=0), by_hand.images()
    explainer, other = make(network), by_hand.SmallCnn(seed=5)

    def maps():
        return explainer(ms.Tensor(images), [1, 1]).asnumpy()

    def assert_by_hand(found):
        expected = by_hand.saliency(type(explainer).__name__, network, images, [1, 1])
        assert_close(found, expected, atol=BACKPROP_RTOL, scale=expected.max())

    first = maps()
    for mine, its in zip(network.get_parameters(), other.get_parameters(), strict=True):
        mine.set_data(its.value())
    second = maps()
    assert_by_hand(second)
    assert np.abs(second - first).max() > 0.01

    network.norm = by_hand.SmallCnn(seed=3).norm
    third = maps()
    assert_by_hand(third)
    assert np.abs(third - second).max() > 0.01


def test_the_callers_hooks_take_part(make, mode):
    network, images = networks.SmallConv(), ms.Tensor(by_hand.images())
    explainer = make(network)
    before = explainer(images, 1).asnumpy()
    handle = network.relu.register_forward_hook(cells.doubled)
    assert_close(explainer(images, 1).asnumpy(), 2 * before, atol=BACKPROP_RTOL)
    handle.remove()
    np.testing.assert_array_equal(explainer(images, 1).asnumpy(), before)


def test_compiles_once_per_shape_whatever_the_targets(make):
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        explainer, images = make(by_hand.SmallCnn()), by_hand.images(3)
        for targets in (0, 3, [1, 2], [[1, 2], [0, 3]]):
            explainer(ms.Tensor(images[:2]), targets)
        assert compilations(explainer) == 1
        explainer(ms.Tensor(images), 1)
        assert compilations(explainer) == 2
        explainer(ms.Tensor(images[:2]), 2)
        assert compilations(explainer) == 2
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


def test_after_a_failure_it_works_again(make, mode):
    network, images = cells.Failing(), ms.Tensor(by_hand.images())
    explainer = make(network)
    with pytest.raises(RuntimeError, match="the network failed"):
        explainer(images, 1)
    network.fail = False
    assert np.isfinite(explainer(images, 1).asnumpy()).all()


def test_after_ctrl_c_it_works_again(make):
    network, images = cells.Interrupting(), ms.Tensor(by_hand.images())
    explainer = make(network)
    with pytest.raises(KeyboardInterrupt):
        explainer(images, 1)
    network.interrupt = False
    assert np.isfinite(explainer(images, 1).asnumpy()).all()


def test_a_target_out_of_range_is_refused_and_harmless(make, mode):
    explainer, images = shared(make, mode), ms.Tensor(by_hand.images())
    expected = explainer(images, 3).asnumpy()
    with pytest.raises(ValueError, match=r"`targets` must be in \[0, 4\), got 4"):
        explainer(images, [[0, 1], [2, 4]])
    np.testing.assert_array_equal(explainer(images, 3).asnumpy(), expected)


def test_refuses_a_network_without_one_row_per_image(mode):
    images = ms.Tensor(np.ones((3, 3, 4, 4), np.float32))
    with pytest.raises(ValueError, match=r"got shape \(2, 3\) for 3 images"):
        Gradient(networks.WrongRows())(images, 0)


def test_refuses_a_gradient_that_is_not_finite():
    with pytest.raises(ValueError, match="gradient is not finite"):
        Gradient(cells.Root())(ms.Tensor(np.zeros((1, 3, 4, 4), np.float32)), 0)


def test_keeps_a_bounded_number_of_passes(make, monkeypatch):
    monkeypatch.setattr(gradient_module, "_MAX_PASSES", 2)
    explainer, images = make(by_hand.SmallCnn()), by_hand.images(4)
    for count in (1, 2, 3, 4):
        explainer(ms.Tensor(images[:count]), 0)
    assert len(explainer._passes) == 2


def test_repeated_calls_keep_nothing(make, mode):
    explainer, images = shared(make, mode), ms.Tensor(by_hand.images())
    for _ in range(2):
        explainer(images, 0)
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(20):
        explainer(images, 0)
    gc.collect()
    assert len(gc.get_objects()) - before < 20


def test_an_explainer_that_is_gone_leaves_no_cells(make):
    network, images = by_hand.SmallCnn(), ms.Tensor(by_hand.images())
    make(network)(images, 0)

    def count():
        gc.collect()
        return sum(issubclass(type(thing), nn.Cell) for thing in gc.get_objects())

    before = count()
    make(network)(images, 0)
    assert count() <= before


def test_takes_nothing_else(make):
    with pytest.raises(TypeError):
        make(by_hand.SmallCnn())(ms.Tensor(by_hand.images()), 0, "tensor", None, None)


def test_grad_net_propagates_what_it_is_given(mode):
    weight = np.random.default_rng(0).normal(size=(4, 3, 2, 2))
    images, targets = ms.Tensor(np.ones((2, 3, 2, 2), np.float32)), ms.Tensor([1, 3])
    sens = get_bp_weights(4, targets)
    np.testing.assert_array_equal(sens.asnumpy(), np.eye(4)[[1, 3]])
    assert get_bp_weights(4, targets, sens) is sens
    got = GradNet(networks.Linear(weight))(images, sens).asnumpy()
    assert_close(got, weight[[1, 3]], atol=1e-6)
