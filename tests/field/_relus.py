"""A network with one ReLU in plain sight and a second one that is reached in another way."""

from __future__ import annotations

import functools
import types
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import mint, nn, ops
from mindspore.ops import auto_generate, functional
from mindspore.ops import relu as act
from mindspore.ops.operations import nn_ops

_rng = np.random.default_rng(0)
WEIGHTS = [_rng.normal(size=size).astype(np.float32) for size in ((20, 27), (20, 20), (3, 20))]
IMAGES = _rng.normal(size=(2, 3, 3, 3)).astype(np.float32)
TOP = 6  # of ReLU6

SHARED_CELL, SHARED_PRIMITIVE = nn.ReLU(), ops.ReLU()
BY_NAME = {"relu": nn.ReLU, "function": ops.relu}
anonymous = lambda x: ops.relu(x)  # noqa: E731


def _dense(weight):
    return nn.Dense(weight.shape[1], len(weight), weight_init=ms.Tensor(weight), has_bias=False)


class Base(nn.Cell):
    """dense, nn.ReLU, dense, `second`, dense."""

    def __init__(self):
        super().__init__()
        self.flat, self.act = nn.Flatten(), nn.ReLU()
        self.a, self.b, self.c = (_dense(weight) for weight in WEIGHTS)
        self.setup()

    def setup(self):
        """What the second ReLU needs."""

    def second(self, x):
        """A ReLU."""
        return self.act(x)

    def construct(self, x):
        return self.c(self.second(self.b(self.act(self.a(self.flat(x))))))


class GlobalCell(Base):
    def second(self, x):
        return SHARED_CELL(x)


class GlobalPrimitive(Base):
    def second(self, x):
        return SHARED_PRIMITIVE(x)


class ClassAttribute(Base):
    second = nn.ReLU()


class ClassPrimitive(Base):
    second = ops.ReLU()


class InNamespace(Base):
    def setup(self):
        self.config = types.SimpleNamespace(act=nn.ReLU())

    def second(self, x):
        return self.config.act(x)


@dataclass
class Settings:
    """Any object."""

    act: object

    def apply(self, x):
        """A bound method of an object that is no Cell."""
        return self.act(x)


class InDataclass(Base):
    def setup(self):
        self.settings = Settings(ops.ReLU())

    def second(self, x):
        return self.settings.act(x)


class BoundMethod(Base):
    def setup(self):
        self.settings = Settings(ops.ReLU())

    def second(self, x):
        return self.settings.apply(x)


class DictOfObjects(Base):
    def setup(self):
        self.table = {"first": [Settings(nn.ReLU())]}

    def second(self, x):
        return self.table["first"][0].act(x)


class Closure(Base):
    def setup(self):
        hidden = nn.ReLU()

        def call(x):
            return hidden(x)

        self.call = call

    def second(self, x):
        return self.call(x)


class Partial(Base):
    def setup(self):
        self.call = functools.partial(ops.relu)

    def second(self, x):
        return self.call(x)


class Lambda(Base):
    def second(self, x):
        return anonymous(x)


class OtherName(Base):
    def second(self, x):
        return act(x)


class Aliases(Base):
    def second(self, x):
        return functional.relu(
            mint.nn.functional.relu(ops.function.nn_func.relu(auto_generate.relu(x)))
        )


class MadeOnTheWay(Base):
    def second(self, x):
        return ops.ReLU()(x)


class OtherPrimitive(Base):
    def setup(self):
        self.v3 = nn_ops.ReLUV3()

    def second(self, x):
        return self.v3(x)


class Property(Base):
    @property
    def activation(self):
        """Made when it is asked for."""
        return nn.ReLU()

    def second(self, x):
        return self.activation(x)


class OfASuperclass(OtherName):
    def second(self, x):
        return super().second(x)


def logged(method):
    """A decorator."""

    @functools.wraps(method)
    def call(*args):
        return method(*args)

    return call


class Decorated(Base):
    @logged
    def second(self, x):
        return ops.relu(x)


class Static(Base):
    @staticmethod
    def activate(x):
        """Takes no cell."""
        return ops.relu(x)

    def second(self, x):
        return self.activate(x)


class Jitted(Base):
    @ms.jit
    def second(self, x):
        return ops.relu(x)


@ms.jit
def jitted_function(x):
    """Compiled, also in PYNATIVE_MODE."""
    return ops.ReLU()(x)


class JittedFunction(Base):
    def second(self, x):
        return jitted_function(x)


class ChosenByName(Base):
    def second(self, x):
        return BY_NAME["function"](x)


class OfTheLayer(Base):
    """nn.Dense(activation='relu'), which is a Cell that holds an nn.ReLU."""

    def setup(self):
        self.b = nn.Dense(20, 20, ms.Tensor(WEIGHTS[1]), has_bias=False, activation="relu")
        same = ms.Tensor(np.eye(20, dtype=np.float32))
        self.extra = nn.DenseBnAct(20, 20, same, has_bias=False, has_bn=False, activation="relu")

    def second(self, x):
        return self.extra(x)


class GetActivation(Base):
    def setup(self):
        self.layers = nn.CellList([nn.get_activation("relu")])

    def second(self, x):
        return self.layers[0](x)


class OverriddenGetattr(Base):
    def __getattr__(self, name):
        return SHARED_CELL if name == "lazy" else super().__getattr__(name)

    def second(self, x):
        return self.lazy(x)


class JittedByBytecode(Base):
    @ms.jit(capture_mode="bytecode")
    def second(self, x):
        return ops.relu(x)


class JittedByTrace(Base):
    @ms.jit(capture_mode="trace")
    def second(self, x):
        return ops.relu(x)


class InPlace(Base):
    def second(self, x):
        x = x * 1
        ops.relu(x, inplace=True)
        return x


class InPlaceByFunction(Base):
    def second(self, x):
        return mint.nn.functional.relu_(x * 1)


class Threshold6(Base):
    """ReLU6, made on the way."""

    def second(self, x):
        return ops.ReLU6()(x)


class SixByFunction(Base):
    def second(self, x):
        return BY_NAME.get("six", ops.relu6)(x)


class Caller(nn.Cell):
    """Calls a global ReLU and nothing else."""

    def construct(self, x):
        return SHARED_CELL(x)


class InABranch(Base):
    def second(self, x):
        if x.sum() > 1000:
            x = SHARED_CELL(x)
        return x


def _shared(x):
    return SHARED_CELL(x)


def _doubled(x):
    return x * 2


class Vectorized(Base):
    """ops.vmap compiles what it maps, also in PYNATIVE_MODE."""

    def second(self, x):
        return ops.vmap(_shared)(x)


class VectorizedOther(Base):
    """No ReLU is inside ops.vmap."""

    def second(self, x):
        return ops.relu(ops.vmap(_doubled)(x) / 2)


class OtherActivations(Base):
    """No ReLU by name: keeps its gradient."""

    def second(self, x):
        return ops.maximum(x, 0)


class WithoutReLU(nn.Cell):
    """A GELU."""

    def __init__(self):
        super().__init__()
        self.flat, self.dense, self.gelu = nn.Flatten(), _dense(WEIGHTS[0]), nn.GELU()

    def construct(self, x):
        return self.gelu(self.dense(self.flat(x)))
