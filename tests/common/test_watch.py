"""A watched network: whatever is exchanged in it is seen, and new weights are no change."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import GuidedBackprop
from fastxai.network.cell_copy import Watch, same_signature, signature


class Network(nn.Cell):
    """One of everything that a signature goes through."""

    def __init__(self):
        super().__init__()
        self.features = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.pooled = [nn.Flatten(), 2]
        self.named = {"scale": 2.0, "head": None}
        self.nothing = []
        self.power = 1

    def construct(self, x):
        return self.features(x) * self.power


def exchange_child(network):
    network.features[1] = nn.ReLU6()


def exchange_parameter(network):
    name = next(iter(network.features[0]._params))
    network.features[0]._params[name] = ms.Parameter(network.features[0]._params[name], name="w")


CHANGES = {
    "a child": exchange_child,
    "a Parameter": exchange_parameter,
    "a number": lambda network: setattr(network, "power", 7.5),
    "an attribute more": lambda network: setattr(network, "other", 1),
    "an attribute less": lambda network: delattr(network, "power"),
    "an item of a list": lambda network: network.pooled.__setitem__(1, 3.5),
    "an item more": lambda network: network.pooled.append(1),
    "the first item of an empty list": lambda network: network.nothing.append(1),
    "a value of a dict": lambda network: network.named.update(head=network.features),
    "a key of a dict": lambda network: network.named.update(tail=None),
    "a hook": lambda network: network.features[0].register_forward_hook(lambda *given: None),
}


@pytest.fixture
def watched():
    network, watch = Network(), Watch()
    return network, watch, signature(network, watch)


def test_nothing_changed(watched):
    network, watch, found = watched
    assert watch.sees_no_change()
    assert same_signature(found, signature(network))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen(watched, change):
    network, watch, found = watched
    change(network)
    assert not watch.sees_no_change()
    assert not same_signature(found, signature(network))


def test_new_weights_and_a_call_are_no_change(watched):
    network, watch, _ = watched
    network(ms.Tensor(np.ones((1, 3, 5, 5), np.float32)))
    watch = Watch()
    found = signature(network, watch)
    network(ms.Tensor(np.ones((1, 3, 5, 5), np.float32)))
    parameter = next(network.get_parameters())
    parameter.set_data(parameter + 1.0)
    assert watch.sees_no_change()
    assert same_signature(found, signature(network))


def test_a_network_with_a_hook_is_never_taken_as_unchanged(watched):
    network = watched[0]
    network.features[0].register_forward_hook(lambda *given: None)
    watch = Watch()
    found = signature(network, watch)
    assert not watch.sees_no_change()
    assert same_signature(found, signature(network))


def test_a_look_that_was_interrupted_does_not_pass_for_a_whole_one(monkeypatch):
    network = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(100, 2))
    images = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 5, 5)).astype(np.float32))
    explainer = GuidedBackprop(network)
    explainer(images, 1)
    network[3] = nn.Dense(100, 2)

    def interrupted(cell, watch):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("fastxai.explainer.backprop.gradient.signature", interrupted)
        with pytest.raises(KeyboardInterrupt):
            explainer(images, 1)
    expected = GuidedBackprop(network)(images, 1).asnumpy()
    np.testing.assert_allclose(explainer(images, 1).asnumpy(), expected, rtol=1e-5)
