"""Networks with odd structures for the gradient explainers (graph mode compiles source files)."""

from __future__ import annotations

import signal
from collections import OrderedDict

import mindspore as ms
import numpy as np
from mindspore import mint, nn, ops
from mindspore.ops import functional, relu


def conv(channels: int, seed: int) -> nn.Conv2d:
    """3 x 3 to 4 channels, weights from a seed."""
    weight = np.random.default_rng(seed).normal(0, 0.5, (4, channels, 3, 3)).astype(np.float32)
    return nn.Conv2d(channels, 4, 3, weight_init=ms.Tensor(weight))


def dense(channels: int = 4, seed: int = 9) -> nn.Dense:
    """To 3 classes, weights from a seed."""
    weight = np.random.default_rng(seed).normal(0, 0.5, (3, channels)).astype(np.float32)
    return nn.Dense(channels, 3, weight_init=ms.Tensor(weight))


class Block(nn.Cell):
    """conv and the activation that it is given, added to the input."""

    def __init__(self, seed, activation):
        super().__init__()
        self.conv = conv(4, seed)
        self.activation = activation

    def construct(self, x):
        return self.activation(self.conv(x)) + x


class Structured(nn.Cell):
    """Containers, a list, a dict, one ReLU for all, one block in two places."""

    def __init__(self):
        super().__init__()
        shared = nn.ReLU()
        twice = Block(1, shared)
        self.stem = nn.SequentialCell(conv(3, 0), shared)
        self.blocks = nn.CellList([twice, Block(2, shared), twice])
        self.hidden = [Block(3, nn.ReLU())]
        self.table = {"act": nn.ReLU()}
        self.head = nn.SequentialCell([nn.MaxPool2d(2, 2), conv(4, 4)])
        self.dense = dense()

    def construct(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        x = self.head(self.table["act"](self.hidden[0](x)))
        return self.dense(x.mean(axis=(2, 3)))


class Crop(nn.Cell):
    """The corner of the images."""

    def __init__(self, size):
        super().__init__()
        self.rows, self.cols = size

    def construct(self, x):
        return x[:, :, : self.rows, : self.cols]


class Cropped(nn.Cell):
    """Class k is the sum of channel k of a corner: its layer 'crop' has a known map."""

    def __init__(self, size):
        super().__init__()
        self.crop = Crop(size)

    def construct(self, x):
        return self.crop(x).sum(axis=(2, 3))


class Pair(nn.Cell):
    """Returns two Tensors."""

    def construct(self, x):
        return x, x + 1


class UsesPair(nn.Cell):
    """A layer that returns a tuple, and one that is not used."""

    def __init__(self):
        super().__init__()
        self.pair = Pair()
        self.unused = nn.ReLU()
        self.dense = dense(3)

    def construct(self, x):
        first, second = self.pair(x)
        return self.dense((first * second).mean(axis=(2, 3)))


class TwoViews(nn.Cell):
    """A layer that sees every image twice, in one batch."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)
        self.dense = dense()

    def construct(self, x):
        number = x.shape[0]
        features = self.conv(ops.cat([x, x[:, :, ::-1]]))
        return self.dense((features[:number] + features[number:]).mean(axis=(2, 3)))


class Scaled(nn.Cell):
    """Takes a keyword."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)

    def construct(self, x, scale=1.0):
        return self.conv(x) * scale


class Square(nn.Cell):
    """Takes no hook once it has a backward pass of its own, as the class below."""

    def construct(self, x):
        return x * x


class SquareWithBprop(Square):
    """Has one."""

    def bprop(self, x, out, dout):
        return (2 * x * dout,)


class OddLayers(nn.Cell):
    """A layer called with a keyword, one with a `bprop`."""

    def __init__(self, square=SquareWithBprop):
        super().__init__()
        self.scaled = Scaled()
        self.square = square()
        self.dense = dense()

    def construct(self, x):
        return self.dense(self.square(self.scaled(x, scale=2.0)).mean(axis=(2, 3)))


def relu_in_a_function(x):
    """What a method calls."""
    return ops.relu(x)


class ReLUs(nn.Cell):
    """Convolutions with a ReLU after each, written in one of many ways."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self.convs = nn.CellList([conv(3 if i == 0 else 4, i) for i in range(len(steps))])
        self.cell = nn.ReLU()
        self.primitive = ops.ReLU()
        self.function = ops.relu
        self.listed = [ops.ReLU()]
        self.mint_cell = mint.nn.ReLU()
        self.method = self._relu
        self.dense = dense()

    def _relu(self, x):
        return ops.relu(x)

    def activate(self, step, x):
        """The ReLU of a step."""
        if step == "cell":
            x = self.cell(x)
        elif step == "primitive":
            x = self.primitive(x)
        elif step == "function":
            x = self.function(x)
        elif step == "listed":
            x = self.listed[0](x)
        elif step == "method":
            x = self.method(x)
        elif step == "mint cell":
            x = self.mint_cell(x)
        elif step == "ops.relu":
            x = ops.relu(x)
        elif step == "ms.ops.relu":
            x = ms.ops.relu(x)
        elif step == "functional.relu":
            x = functional.relu(x)
        elif step == "relu":
            x = relu(x)
        elif step == "mint.nn.functional.relu":
            x = mint.nn.functional.relu(x)
        elif step == "in a function":
            x = relu_in_a_function(x)
        return x

    def construct(self, x):
        for i in range(len(self.steps)):
            x = self.activate(self.steps[i], self.convs[i](x))
        return self.dense(x.mean(axis=(2, 3)))


STEPS = (
    "primitive",
    "function",
    "listed",
    "method",
    "mint cell",
    "ops.relu",
    "ms.ops.relu",
    "functional.relu",
    "relu",
    "mint.nn.functional.relu",
    "in a function",
)


class CallsReLU6(nn.Cell):
    """nn.ReLU6 written as a function."""

    def construct(self, x):
        return ops.relu6(x)


class InlineReLU(nn.Cell):
    """One ReLU that can be replaced, one that is made on the way."""

    def __init__(self):
        super().__init__()
        self.conv = self._make_layer()
        self.act = nn.ReLU()
        self.dense = dense()

    def _make_layer(self):
        return nn.SequentialCell(conv(3, 0), nn.ReLU())

    def construct(self, x):
        x = ops.ReLU()(self.conv(x) + 1)
        return self.dense(self.act(x).mean(axis=(2, 3)))


class Allowed(nn.Cell):
    """Uses the name of a ReLU in ways that are no call of one out of reach."""

    def __init__(self):
        super().__init__()
        self.body = self._make_layer()
        self.relu = ops.ReLU()
        self.dense = dense()

    def _make_layer(self):
        return nn.SequentialCell(OrderedDict([("conv", conv(3, 0)), ("relu6", nn.ReLU6())]))

    def construct(self, x):
        x = self.relu(self.body.relu6(self.body.conv(x)))
        return self.dense(mint.nn.functional.relu(x).mean(axis=(2, 3)))


class JittedReLU(nn.Cell):
    """A ReLU function behind a decorator."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)
        self.act = nn.ReLU()
        self.dense = dense()

    @ms.jit
    def construct(self, x):
        return self.dense(self.act(ops.relu(self.conv(x)) - 1).mean(axis=(2, 3)))


class CallsReLU(nn.Cell):
    """Base whose `construct` calls ops.relu."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)
        self.act = nn.ReLU()
        self.dense = dense()

    def construct(self, x):
        return ops.relu(self.conv(x))


class ReachedBySuper(CallsReLU):
    """Its base's `construct` cannot be redirected."""

    def construct(self, x):
        return self.dense(self.act(super().construct(x)).mean(axis=(2, 3)))


def doubled(cell, inputs, output):
    """A forward hook."""
    return output * 2


class Root(nn.Cell):
    """Gradient not finite at 0."""

    def construct(self, x):
        return ops.sqrt(x).mean(axis=(2, 3))


class Failing(nn.Cell):
    """Raises in both modes until told otherwise."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)
        self.relu = nn.ReLU()
        self.dense = dense()
        self.fail = True

    def construct(self, x):
        if self.fail:
            raise RuntimeError("the network failed")
        return self.dense(self.relu(self.conv(x)).mean(axis=(2, 3)))


class Interrupting(nn.Cell):
    """Somebody presses Ctrl-C in it (PYNATIVE: `construct` runs every time)."""

    def __init__(self):
        super().__init__()
        self.conv = conv(3, 0)
        self.relu = nn.ReLU()
        self.dense = dense()
        self.interrupt = True

    def construct(self, x):
        x = self.conv(x)
        if self.interrupt:
            signal.raise_signal(signal.SIGINT)
        return self.dense(self.relu(x).mean(axis=(2, 3)))
