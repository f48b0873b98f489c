"""Explainers with planted maps, and what the tests of several metrics share."""

from __future__ import annotations

import mindspore as ms
import numpy as np
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
from tests.tool import _classifiers as classifiers

SIZE = (12, 15)
IMAGE = np.random.default_rng(0).normal(size=(1, 3, *SIZE)).astype(np.float32)
MAP = np.random.default_rng(1).normal(size=(1, 1, *SIZE)).astype(np.float32)


def rise_plus(network):
    """RISEPlus with an untrained OoDNet."""
    ood_net = OoDNet(classifiers.Convolution(), 3)
    classifiers.set_weights(ood_net, 0)
    return RISEPlus(ood_net, network, nn.Softmax(), num_masks=40, seed=0)


EXPLAINERS = {
    "Gradient": Gradient,
    "GradCAM": lambda network: GradCAM(network, layer="conv"),
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
    "Occlusion": lambda network: Occlusion(network, nn.Softmax(), window=4),
    "RISE": lambda network: RISE(network, nn.Softmax(), num_masks=40, seed=0),
    "RISEPlus": rise_plus,
}


class Planted(Attribution):
    """An explainer whose map is a function of (images (N, C, H, W), targets (N,))."""

    def __init__(self, network, make_maps):
        super().__init__(network)
        self.make_maps = make_maps
        self.calls = []

    def __call__(self, inputs, targets, ret="tensor", show=None):
        """The planted maps (N, 1, H, W)."""
        images = inputs.asnumpy()
        if isinstance(targets, ms.Tensor):
            targets = targets.asnumpy()
        targets = np.broadcast_to(targets, len(images))
        self.calls.append((images.copy(), targets.copy(), show))
        return ms.Tensor(np.asarray(self.make_maps(images, targets), np.float32))


class Recording(nn.Cell):
    """A network that notes the shapes it is called with (PYNATIVE)."""

    def __init__(self):
        super().__init__()
        self.inner = networks.SmallConv()
        self.shapes = []

    def construct(self, x):
        """Scores."""
        self.shapes.append(x.shape)
        return self.inner(x)


def linear_network(classes=4, size=SIZE, seed=3):
    """A linear network and its weights (classes, 3, H, W)."""
    weight = np.random.default_rng(seed).normal(size=(classes, 3, *size)).astype(np.float32)
    return networks.Linear(weight), weight


def state_of(network):
    """Everything of a network that a metric must not change."""
    return (
        [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in network.get_parameters()],
        [(name, part.training, part.phase) for name, part in network.cells_and_names()],
        [len(part._forward_hook) for _, part in network.cells_and_names()],
        ms.get_context("mode"),
    )
