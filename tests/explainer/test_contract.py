"""What every explainer promises, whatever it computes."""

import functools
import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.common.attribution import Attribution
from fastxai.explainer import (
    RISE,
    Deconvolution,
    GradCAM,
    Gradient,
    GuidedBackprop,
    Occlusion,
    RISEPlus,
)
from fastxai.tool.cv import OoDNet
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests._contract import IMAGES, ExplainerContract, PerturbationContract
from tests.tool import _classifiers as classifiers


def relu_of(network):
    """A layer for GradCAM."""
    return next(cell for _, cell in network.cells_and_names() if isinstance(cell, nn.ReLU))


class RISEPlusOf(RISEPlus):
    """With an OoDNet of its own, constructed like the others."""

    def __init__(self, network, *arguments, **options):
        ood_net = OoDNet(classifiers.Convolution(), 3)
        classifiers.set_weights(ood_net, 0)
        super().__init__(ood_net, network, *arguments, **options)


PERTURBATION = {
    "RISE": lambda network: RISE(network, nn.Softmax(), 16, num_masks=40, seed=0),
    "RISEPlus": lambda network: RISEPlusOf(network, nn.Softmax(), 16, num_masks=40, seed=0),
    "Occlusion": lambda network: Occlusion(network, nn.Softmax(), 16, window=4),
}
MAKERS = {
    **PERTURBATION,
    "Gradient": Gradient,
    "GradCAM": lambda network: GradCAM(network, relu_of(network)),
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
}


def state_of(network):
    """Everything of a network that an explainer must not change."""
    return (
        [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in network.get_parameters()],
        [(name, part.training, part.phase) for name, part in network.cells_and_names()],
        [len(part._forward_hook) for _, part in network.cells_and_names()],
        ms.get_context("mode"),
        ms.get_context("device_target"),
    )


@functools.cache
def evaluated(make, mode):
    """An explainer of a network that was never in training mode; no test changes it."""
    return make(networks.SmallConv())


class Kit:
    """MindSpore for the contract."""

    Tensor = ms.Tensor
    Layer = nn.Cell
    tensor = staticmethod(ms.Tensor)
    network = staticmethod(networks.SmallConv)
    state_of = staticmethod(state_of)

    @staticmethod
    def array(tensor):
        """A Tensor's values."""
        return tensor.asnumpy()

    @staticmethod
    def failing():
        """A network in training mode that fails."""
        return networks.Failing().set_train(True)

    @staticmethod
    def change(network):
        """Another weight."""
        network.dense.weight.set_data(network.dense.weight * 2)


@pytest.fixture
def kit():
    """What the contract needs."""
    return Kit


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer(ExplainerContract):
    """One class over all explainers."""

    def test_is_an_attribution_of_the_callers_network(self, make):
        network = networks.SmallConv()
        explainer = make(network)
        assert isinstance(explainer, Attribution)
        assert explainer.network is network

    def test_the_network_is_evaluated_and_given_back_as_it_came(self, make, mode):
        network = networks.SmallConv()
        network.set_train(True)
        network.relu.set_train(False)
        network.dense.weight.requires_grad = False
        before = state_of(network)
        explainer = make(network)
        assert state_of(network) == before
        maps = explainer(ms.Tensor(IMAGES), 1).asnumpy()
        assert state_of(network) == before
        expected = evaluated(make, mode)(ms.Tensor(IMAGES), 1).asnumpy()
        np.testing.assert_array_equal(maps, expected)

    def test_every_column_of_targets_has_maps_of_its_own(self, make, mode):
        explainer = evaluated(make, mode)
        maps = explainer(ms.Tensor(IMAGES), [[3, 1, 3], [0, 4, 0]]).asnumpy()
        for column, targets in enumerate([[3, 0], [1, 4], [3, 0]]):
            expected = explainer(ms.Tensor(IMAGES), targets).asnumpy()
            assert_close(maps[:, column], expected[:, 0], atol=NETWORK_ATOL)
        assert np.abs(maps[:, 0] - maps[:, 1]).max() > 100 * NETWORK_ATOL

    def test_bfloat16_images_are_used_as_float32(self, make):
        images = ms.Tensor(np.ones((1, 3, 12, 15), np.float32) * 1.5)
        explainer = make(networks.SmallConv())
        expected = explainer(images, 1).asnumpy()
        np.testing.assert_array_equal(explainer(images.astype(ms.bfloat16), 1).asnumpy(), expected)

    def test_views_of_tensors_are_taken(self, make):
        turned = ms.Tensor(np.ascontiguousarray(IMAGES.transpose(0, 1, 3, 2)))
        explainer = make(networks.SmallConv())
        expected = explainer(ms.Tensor(IMAGES), 1).asnumpy()
        view = turned.transpose(0, 1, 3, 2)
        np.testing.assert_array_equal(explainer(view, 1).asnumpy(), expected)

    def test_refuses_inputs(self, make):
        explainer = make(networks.SmallConv())
        large = np.full(IMAGES.shape, -1e39)
        for inputs, error, words in (
            (IMAGES, TypeError, "`inputs` must be a Tensor, got ndarray"),
            (ms.Tensor(IMAGES[0]), ValueError, r"`inputs` must be \(N, C, H, W\)"),
            (ms.Tensor(IMAGES > 0), TypeError, "floats or integers, got Bool"),
            (ms.Tensor(IMAGES * np.nan), ValueError, r"finite, got nan at \(0, 0, 0, 0\)"),
            (ms.Tensor(IMAGES + np.inf), ValueError, "`inputs` must be finite, got inf"),
            (ms.Tensor(large), ValueError, r"within float32's range, got 1e\+39"),
        ):
            with pytest.raises(error, match=words):
                explainer(inputs, 1)

    def test_refuses_a_network_that_is_no_cell(self, make):
        arguments = (nn.Softmax(),) if make in PERTURBATION.values() else ()
        with pytest.raises(TypeError, match="`network` must be an nn.Cell, got NoneType"):
            type(make(networks.SmallConv()))(None, *arguments)


@pytest.mark.parametrize("make", PERTURBATION.values(), ids=PERTURBATION.keys())
class TestEveryPerturbationExplainer(PerturbationContract):
    """What those promise besides that score many copies of an image."""

    def test_after_ctrl_c_in_either_mode_all_is_as_it_was_and_works(self, make, mode):
        network = networks.SmallConv()
        network.set_train(True)
        explainer = make(network)
        before = state_of(network)

        def interrupt(done, total):
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            explainer(ms.Tensor(IMAGES), 1, progress=interrupt)
        assert state_of(network) == before
        assert explainer(ms.Tensor(IMAGES), 1).shape == (2, 1, 12, 15)

    def test_refuses_an_activation_that_is_none(self, make):
        with pytest.raises(TypeError, match="`activation_fn` must be None, one of .*, got int"):
            type(make(networks.SmallConv()))(nn.ReLU(), 3)
