"""Engines are kept as long as nothing that they depend on changes, and no longer."""

import gc
import weakref

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.engine.cache import EngineCache
from fastxai.engine.fingerprint import checksum, structure_of
from fastxai.engine.protocol import Engine, Unusable
from fastxai.network.structure import WeakStructure
from tests import _networks as networks
from tests.engine import _networks as odd


class Kept(Engine):
    """Stands for an engine."""

    name = "kept"

    def __call__(self, batch):
        return batch


def entry_of(network):
    """What the cache wants to know of a network."""
    found = structure_of([network])
    return found, checksum(found)


def changes_of(network):
    """Ways to change a network."""

    def set_weight():
        network.dense.weight.set_data(network.dense.weight + 1e-6)

    def assign_in_place():
        ms.ops.assign_add(network.dense.bias, ms.Tensor(np.full(5, 1e-6, np.float32)))

    def swap_rows():
        weight = network.dense.weight.asnumpy().copy()
        network.dense.weight.set_data(ms.Tensor(weight[[1, 0, 2, 3, 4]]))

    def exchange_layer():
        network.relu = nn.Sigmoid()

    def exchange_equal_layer():
        network.relu = nn.ReLU()

    def set_attribute():
        network.factor = 2.0

    def set_tensor():
        network.offset = ms.Tensor(np.ones(5, np.float32))

    def add_hook():
        network.conv.register_forward_hook(odd.doubled)

    made = dict(locals())
    return {name: change for name, change in made.items() if name != "network"}


CHANGES = list(changes_of(odd.Scaled()))


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_of_the_network_is_noticed(name):
    network, cache = odd.Scaled(), EngineCache()
    cache.keep(*entry_of(network), "key", Kept())
    assert cache.find(*entry_of(network), "key") is not None
    changes_of(network)[name]()
    assert cache.find(*entry_of(network), "key") is None


@pytest.mark.parametrize("name", CHANGES)
def test_only_weights_and_tensors_change_the_checksum(name):
    network = odd.Scaled()
    before = entry_of(network)[1]
    changes_of(network)[name]()
    by_value = ("set_weight", "assign_in_place", "swap_rows", "set_tensor")
    assert (entry_of(network)[1] != before) == (name in by_value)


def test_a_single_rounding_changes_the_checksum():
    network = networks.SmallConv()
    before = entry_of(network)[1]
    weight = network.conv.weight.asnumpy().copy()
    weight[0, 0, 0, 0] = np.nextafter(weight[0, 0, 0, 0], np.float32(9))
    network.conv.weight.set_data(ms.Tensor(weight))
    assert entry_of(network)[1] != before


def test_exchanged_values_change_the_checksum():
    """A sum alone would not see it."""
    array = np.arange(6, dtype=np.float32)
    assert checksum([array]) != checksum([array[::-1]])
    assert checksum([array, array + 1]) != checksum([array + 1, array])
    assert checksum([array]) != checksum([array.reshape(2, 3)])


def test_running_and_training_flags_change_nothing(mode):
    network, cache = networks.SmallConv(), EngineCache()
    cache.keep(*entry_of(network), "key", Kept())
    network(ms.Tensor(np.ones((2, 3, 8, 8), np.float32)))
    network.set_train(True)
    assert cache.find(*entry_of(network), "key") is not None


def test_another_network_or_key_is_not_found():
    network, cache = networks.SmallConv(), EngineCache()
    cache.keep(*entry_of(network), "key", Kept())
    assert cache.find(*entry_of(networks.SmallConv()), "key") is None
    assert cache.find(*entry_of(network), "other") is None


def test_the_least_recently_used_engine_goes_first():
    cells, engines, cache = [networks.SmallConv() for _ in range(3)], [], EngineCache(2)
    for cell in cells[:2]:
        engines.append(Kept())
        cache.keep(*entry_of(cell), "key", engines[-1])
    assert cache.find(*entry_of(cells[0]), "key") is engines[0]
    cache.keep(*entry_of(cells[2]), "key", Kept())
    assert len(cache) == 2
    assert cache.find(*entry_of(cells[0]), "key") is engines[0]
    assert cache.find(*entry_of(cells[1]), "key") is None


def test_new_weights_take_the_place_of_old_ones():
    network, cache = networks.SmallConv(), EngineCache()
    for _ in range(3):
        network.dense.weight.set_data(network.dense.weight + 1)
        cache.keep(*entry_of(network), "key", Kept())
    assert len(cache) == 1


def test_an_engine_goes_with_its_network():
    cache, engine = EngineCache(), Kept()
    network = networks.SmallConv()
    cache.keep(*entry_of(network), "key", engine)
    gone = weakref.ref(network)
    del network
    gc.collect()
    assert gone() is None
    assert len(cache) == 0


def test_a_structure_keeps_nothing_alive():
    network = networks.SmallConv()
    gone = weakref.ref(network.relu)
    structure = WeakStructure(structure_of([network]))
    network.relu = nn.ReLU()
    gc.collect()
    assert gone() is None
    assert not structure.matches(structure_of([network]))


@pytest.mark.parametrize(("for_good", "found"), [(True, True), (False, False)])
def test_a_finding_holds_for_other_weights_only_if_it_is_for_good(for_good, found):
    network, cache = networks.SmallConv(), EngineCache()
    cache.keep(*entry_of(network), "key", Unusable("why", for_good=for_good))
    assert cache.find(*entry_of(network), "key").reason == "why"
    network.dense.weight.set_data(network.dense.weight + 1)
    assert (cache.find(*entry_of(network), "key") is not None) == found


def test_findings_do_not_push_engines_out():
    network, cache = networks.SmallConv(), EngineCache()
    cache.keep(*entry_of(network), "key", Kept())
    for k in range(100):
        cache.keep(*entry_of(network), k, Unusable("why"))
    assert cache.find(*entry_of(network), "key") is not None
    assert len(cache._entries) <= 70


def test_drop_forgets_an_engine():
    network, cache, engine = networks.SmallConv(), EngineCache(), Kept()
    cache.keep(*entry_of(network), "key", engine)
    cache.drop(engine)
    assert cache.find(*entry_of(network), "key") is None


def in_turn(*cells):
    """One after the other."""
    return nn.SequentialCell(*cells)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (nn.Softmax(), nn.Softmax(), True),
        (nn.Softmax(), nn.Softmax(axis=0), False),
        (nn.Softmax(), nn.Sigmoid(), False),
        (nn.LeakyReLU(0.1), nn.LeakyReLU(0.1), True),
        (nn.LeakyReLU(0.1), nn.LeakyReLU(0.2), False),
        (in_turn(nn.ReLU(), nn.Softmax()), in_turn(nn.ReLU(), nn.Softmax()), True),
        (in_turn(nn.ReLU(), nn.Softmax()), in_turn(nn.Softmax(), nn.ReLU()), False),
        (nn.PReLU(), nn.PReLU(), False),  # has a weight
        (networks.Identity(), networks.Identity(), False),  # may be anything
    ],
    ids=str,
)  # fmt: skip
def test_activations_of_mindspores_own_count_as_what_they_are(first, second, same):
    network = networks.SmallConv()
    structure = WeakStructure(structure_of([network, first]))
    assert structure.matches(structure_of([network, first]))
    assert structure.matches(structure_of([network, second])) == same
