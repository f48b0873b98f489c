"""Networks of which more than weights was changed between two calls of an explainer.

In GRAPH_MODE perturbation explainers went on with the graph of the network as it was before.
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import RISE, Gradient, Occlusion
from tests._compare import MAP_ATOL, assert_close

RNG = np.random.default_rng(0)
IMAGE = ms.Tensor(RNG.normal(size=(1, 3, 8, 9)).astype(np.float32))
WEIGHT = RNG.normal(size=(3, 4)).astype(np.float32)
MAKERS = {
    "RISE": lambda network: RISE(network, None, 8, num_masks=16, seed=0, engine="mindspore"),
    "Occlusion": lambda network: Occlusion(network, None, 8, window=4, engine="mindspore"),
    "Gradient": Gradient,
}


class Doubled(nn.Cell):
    def construct(self, x):
        return x * 2


class Linear(nn.Cell):
    """Maps of it are proportional to its weight and its factor."""

    def __init__(self):
        super().__init__()
        self.first = nn.Identity()
        self.weight = ms.Parameter(ms.Tensor(WEIGHT), name="weight")
        self.factor = 1.0

    def construct(self, x):
        return ops.matmul(self.first(x).mean((2, 3)), self.weight) * self.factor


def exchange_parameter(network):
    network.weight = ms.Parameter(ms.Tensor(2 * WEIGHT), name="weight")


def exchange_layer(network):
    network.first = Doubled()


def double_number(network):
    network.factor = 2.0


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_maps_follow_in_graph_mode(make, graph_mode):
    network = Linear()
    explainer = make(network)
    first = explainer(IMAGE, 1).asnumpy()
    changes = (exchange_parameter, exchange_layer, double_number)
    for times, change in enumerate(changes, start=1):
        change(network)
        right = 2**times * first
        assert_close(explainer(IMAGE, 1), right, atol=MAP_ATOL, scale=float(np.abs(right).max()))
