"""Structure of a network: whatever is exchanged in it is seen; new weights are no change."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import GuidedBackprop
from fastxai.network.structure import Structure, WeakStructure


class Network(nn.Cell):
    """One of everything that a structure goes through."""

    def __init__(self):
        super().__init__()
        self.features = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.pooled = [nn.Flatten(), 2]
        self.named = {"scale": 2.0, "head": None}
        self.nothing = []
        self.power = 1.5

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
def network():
    return Network()


def test_nothing_changed(network):
    structure = Structure(network)
    assert structure.is_current()
    assert structure.is_same(Structure(network))
    assert WeakStructure(structure.items).matches(Structure(network).items)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_once(network, change):
    structure = Structure(network)
    weak = WeakStructure(structure.items)
    change(network)
    changed = Structure(network)
    assert not structure.is_current()
    assert not structure.is_same(changed)
    assert not weak.matches(changed.items)
    assert changed.is_current()


def test_another_network_that_is_equal_is_a_change(network):
    structure = Structure(network)
    assert structure.is_current(network)
    assert not structure.is_current(Network())


def test_new_weights_and_a_call_are_no_change(network):
    network(ms.Tensor(np.ones((1, 3, 5, 5), np.float32)))
    structure = Structure(network)
    items = structure.items
    network(ms.Tensor(np.ones((1, 3, 5, 5), np.float32)))
    parameter = next(network.get_parameters())
    parameter.set_data(parameter + 1.0)
    assert structure.is_current()
    assert structure.items is items  # found without a second walk


def test_equal_numbers_and_lists_in_place_of_others_are_no_change(network):
    structure = Structure(network)
    network.power = float("1.5")
    network.pooled = list(network.pooled)
    network.named = dict(network.named)
    assert structure.is_current()


def test_an_equal_number_of_another_kind_is_a_change(network):
    structure = Structure(network)
    network.power = np.float64(1.5)
    assert not structure.is_current()


def test_nesting_counts(network):
    network.pooled = [[1], 2]
    structure = Structure(network)
    network.pooled = [[1, 2]]
    assert not structure.is_current()


def test_a_hook_that_was_removed_is_no_change(network):
    structure = Structure(network)
    network.features[0].register_forward_hook(lambda *given: None).remove()
    assert structure.is_current()


def test_what_holds_itself_is_gone_through_once(network):
    network.named["self"] = network.named
    network.pooled.append(network)
    assert Structure(network).is_current()


def test_a_look_that_was_interrupted_does_not_pass_for_a_whole_one(monkeypatch):
    network = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(100, 2))
    images = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 5, 5)).astype(np.float32))
    explainer = GuidedBackprop(network)
    explainer(images, 1)
    network[3] = nn.Dense(100, 2)

    def interrupted(*cells):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("fastxai.explainer.backprop.gradient.Structure", interrupted)
        with pytest.raises(KeyboardInterrupt):
            explainer(images, 1)
    expected = GuidedBackprop(network)(images, 1).asnumpy()
    np.testing.assert_allclose(explainer(images, 1).asnumpy(), expected, rtol=1e-5)
