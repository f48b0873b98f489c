"""Digests of networks: what computes otherwise has another, in every process the same."""

import enum
import functools
import os
import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.network.digest import network_digest
from tests import _networks as networks


class Holding(nn.Cell):
    """Holds a value that it computes with."""

    def __init__(self, value):
        super().__init__()
        self.value = value
        self.conv = nn.Conv2d(3, 4, 3, weight_init="ones")

    def construct(self, x):
        return self.value(self.conv(x))


ROOT = Path(__file__).parents[2]


class Size(enum.Enum):
    """Two members."""

    SMALL = 1
    LARGE = 2


class OwnEmbedding(nn.Embedding):
    """A layer of one's own on MindSpore's."""


class HoldingParts(Holding):
    """The same code from a base."""


def of(*cells):
    return network_digest(cells)


def leaky(slope):
    return lambda x: ops.leaky_relu(x, slope)


def doubled(x):
    return x + x


def bound(factor):
    class Scale:
        def times(self, x):
            return x * factor

    return Scale().times


OTHERS = {
    "a layer's setting": (nn.LeakyReLU(0.1), nn.LeakyReLU(0.9)),
    "an axis": (nn.Softmax(-1), nn.Softmax(0)),
    "epsilon": (nn.LayerNorm((3,), epsilon=1e-5), nn.LayerNorm((3,), epsilon=1e-3)),
    "a layer's primitive": (nn.HShrink(0.1), nn.HShrink(0.3)),
    "a primitive": (Holding(ops.AvgPool(2, 2)), Holding(ops.AvgPool(3, 2))),
    "a number": (Holding(0.5), Holding(0.25)),
    "kinds of number": (Holding(1), Holding(1.0)),
    "a list": (Holding([1, [2, 3]]), Holding([1, [2, 4]])),
    "nesting": (Holding([1, [2, 3]]), Holding([[1, 2], 3])),
    "a dict": (Holding({"mean": 1}), Holding({"mean": 2})),
    "a dtype": (Holding(ms.float32), Holding(ms.float16)),
    "a tensor": (Holding(ms.Tensor([1.0, 2.0])), Holding(ms.Tensor([1.0, 3.0]))),
    "an array": (Holding(np.arange(3)), Holding(np.arange(3)[::-1])),
    "a shape": (Holding(np.zeros((2, 3))), Holding(np.zeros((3, 2)))),
    "a bfloat16": (Holding(ms.Tensor([1.0], ms.bfloat16)), Holding(ms.Tensor([2.0], ms.bfloat16))),
    "a function": (Holding(ops.relu), Holding(ops.sigmoid)),
    "a lambda's code": (Holding(lambda x: x + 1), Holding(lambda x: x + 2)),
    "what a lambda holds": (Holding(leaky(0.1)), Holding(leaky(0.2))),
    "a method": (Holding(bound(1)), Holding(bound(2))),
    "a partial": (Holding(functools.partial(max, 1)), Holding(functools.partial(max, 2))),
    "an integer dtype": (Holding(ms.int32), Holding(ms.int16)),
    "a set": (Holding({1, 2}), Holding({1, 3})),
    "a member": (Holding(Size.SMALL), Holding(Size.LARGE)),
    "a builtin": (Holding(max), Holding(min)),
    "a function of NumPy's": (Holding(np.sin), Holding(np.cos)),
    "dates": (Holding(np.array(["2026-01-01"], "M8[D]")), Holding(np.array(["2027"], "M8[D]"))),
    "what a primitive does not print": (nn.LRN(5), nn.LRN(3)),
    "a layer's own Tensor": (nn.ReflectionPad2d(1), nn.ReflectionPad2d(2)),
    "paddings": (nn.Pad(((1, 1),), "REFLECT"), nn.Pad(((2, 2),), "REFLECT")),
    "an axis of vmap": (Holding(ops.vmap(leaky(0.1), 0)), Holding(ops.vmap(leaky(0.1), 1))),
    "a kind of cell": (Holding(0), HoldingParts(0)),
    "its precision": (nn.Conv2d(3, 3, 1, weight_init="ones"),) * 2,
    "its order": (nn.SequentialCell(nn.ReLU(), nn.Tanh()), nn.SequentialCell(nn.Tanh(), nn.ReLU())),
    "weights": (networks.SmallConv(seed=0), networks.SmallConv(seed=1)),
    "batch statistics": (nn.BatchNorm2d(3), nn.BatchNorm2d(3, eps=1e-3)),
}


@pytest.mark.parametrize(("one", "other"), OTHERS.values(), ids=OTHERS)
def test_a_network_that_computes_otherwise_has_another_digest(one, other):
    before = of(one)
    if one is other:
        other.to_float(ms.float16)
    assert of(other) != before


def test_shared_cells_are_not_copies():
    shared, values = nn.ReLU(), [nn.ReLU(), nn.ReLU()]
    assert of(Holding([shared, shared])) != of(Holding(values))


def class_of(factor, note="as ever"):
    class Made(nn.Cell):
        def __init__(self):
            super().__init__()
            self.note = note

        def scaled(self, x):
            return x * factor

        def construct(self, x):
            return self.scaled(x)

    return Made()


def test_code_that_a_cell_of_the_same_name_runs_counts():
    assert of(class_of(1)) == of(class_of(1))
    assert of(class_of(1)) != of(class_of(2))


@pytest.mark.parametrize("kind", [staticmethod, classmethod, property, lambda function: function])
def test_all_kinds_of_methods_count(kind):
    found = {of(type("Made", (nn.Cell,), {"act": kind(leaky(slope))})()) for slope in (0.1, 0.2)}
    assert len(found) == 2
    called = {of(type("Made", (nn.Cell,), {"__call__": leaky(slope)})()) for slope in (0.1, 0.2)}
    assert len(called) == 2


def test_what_holds_itself_is_gone_through_once():
    by_name, in_order = {}, []
    by_name["self"] = by_name
    in_order.append(in_order)
    assert of(Holding(by_name)) != of(Holding(in_order))
    nested = [1]
    for _ in range(200):
        nested = [nested, nested]
    assert of(Holding(nested))


SAME = {
    "built twice": networks.SmallConv,
    "dropout with seeds": lambda: nn.SequentialCell(nn.Dropout(p=0.3), nn.ReLU()),
    "an initializer": lambda: nn.Conv2d(3, 4, 3, weight_init=ms.common.initializer.One()),
    "nested": lambda: nn.CellList([networks.SmallConv(), nn.SequentialCell(networks.SmallConv())]),
    "a jitted network": lambda: networks.Jitted(),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_the_same_network_has_the_same_digest(make):
    ms.set_seed(5)
    try:
        assert of(make()) == of(make())
    finally:
        ms.set_seed(0)


@pytest.mark.parametrize("kind", [nn.Embedding, OwnEmbedding])
def test_first_values_that_are_not_used_any_more_do_not_count(kind):
    first, second = kind(5, 3), kind(5, 3)
    second.embedding_table.set_data(first.embedding_table.value())
    assert of(first) == of(second)


@pytest.mark.parametrize("mode", [ms.PYNATIVE_MODE, ms.GRAPH_MODE])
@pytest.mark.parametrize("make", [networks.SmallConv, networks.Jitted])
def test_running_a_network_does_not_change_it(make, mode):
    network = make()
    network.set_train(False)
    before = of(network)
    ms.set_context(mode=mode)
    try:
        network(ms.Tensor(np.zeros((2, 3, 16, 16), np.float32)))
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)
    assert of(network) == before


def test_another_process_finds_the_same(monkeypatch, tmp_path):
    source = (
        "from tests.network.test_digest import *\n"
        "network = networks.SmallConv()\n"
        "mixed = ms.amp.auto_mixed_precision(networks.SmallConv(), 'O1')\n"
        "custom = ops.Custom(doubled, doubled, doubled, 'pyfunc')\n"
        "print(of(network, networks.Jitted(), mixed, Holding({1, 'a', 'b'}), Holding(custom), "
        "Holding(leaky(0.1)), class_of(3)))"
    )
    found = set()
    for seed in ("1", "2"):  # of Python's hashes, which order sets
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        run = subprocess.run(
            [sys.executable, "-c", source],
            capture_output=True,
            text=True,
            cwd=tmp_path,  # where amp writes the classes that it makes
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert run.returncode == 0, run.stderr
        found.add(run.stdout.split()[-1])
    assert len(found) == 1
