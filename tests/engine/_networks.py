"""Networks that export, that do not, and that export to something else (compiled from source)."""

from __future__ import annotations

import os

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from tests._networks import SmallConv


def export_hshrink():
    """An operator that MindSpore 2.10 cannot export to ONNX."""
    return nn.SequentialCell(SmallConv(), nn.HShrink())


class OwnSoftmax(SmallConv):
    """Ends in its own softmax."""

    def construct(self, x):
        x = self.relu(self.norm(self.conv(x))).mean(axis=(2, 3))
        return ops.softmax(self.dense(x), axis=1)


class AddsInPlace(SmallConv):
    """A residual as many write it."""

    def construct(self, x):
        x = self.conv(x)
        identity = x * 0.5
        x = self.relu(self.norm(x))
        x += identity
        x *= 2.0
        return self.dense(x.mean(axis=(2, 3)))


class AddsInPlaceToTwoNames(SmallConv):
    """Changes a Tensor that it uses under another name too."""

    def construct(self, x):
        x = self.conv(x)
        same = x
        x += 1.0
        return self.dense((x * 0.5 + same).mean(axis=(2, 3)))


class Sliced(SmallConv):
    """A slice of all there is, as in GhostNet: MindSpore 2.10 exports bounds without an axis."""

    def construct(self, x):
        x = self.conv(x)[:, :8, :, :]
        return self.dense(self.relu(x).mean(axis=(2, 3)))


class OfOneSize(SmallConv):
    """Scores batches of one size alone."""

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def construct(self, x):
        return super().construct(x.reshape((self.rows, 3, 20, 17)))


class Speaking(SmallConv):
    """Writes to standard error where MindSpore runs it op by op."""

    def __call__(self, *arguments):
        os.write(2, b"the network speaks\n")
        return super().__call__(*arguments)


class DataDependent(SmallConv):
    """Branches on a value."""

    def construct(self, x):
        x = self.conv(x)
        if x.mean() > 0:
            x = x * 2
        return self.dense(x.mean(axis=(2, 3)))


class UsesNumPy(SmallConv):
    """Leaves MindSpore in the middle."""

    def construct(self, x):
        x = ms.Tensor(np.abs(self.conv(x).asnumpy()))
        return self.dense(x.mean(axis=(2, 3)))


class TwoInputs(SmallConv):
    """Cannot be called with images alone."""

    def construct(self, x, other):
        return self.dense(self.conv(x + other).mean(axis=(2, 3)))


class OptionalInput(SmallConv):
    """A second input that may be left out."""

    def construct(self, x, other=None):
        x = self.conv(x)
        if other is not None:
            x = x + other
        return self.dense(x.mean(axis=(2, 3)))


class TwoOutputs(SmallConv):
    """Scores and features."""

    def construct(self, x):
        x = self.conv(x).mean(axis=(2, 3))
        return self.dense(x), x


class Reversed(SmallConv):
    """The order of the images is turned round, which MindSpore exports wrongly."""

    def construct(self, x):
        return self.dense(self.conv(x).mean(axis=(2, 3)))[::-1]


class Deconvolution(nn.Cell):
    """Exports to what OpenVINO loads and ONNX Runtime does not."""

    def __init__(self):
        super().__init__()
        self.up = nn.Conv2dTranspose(3, 4, 2, stride=2, weight_init="ones")
        self.dense = nn.Dense(4, 5)

    def construct(self, x):
        return self.dense(self.up(x).mean(axis=(2, 3)))


class FixedBatch(SmallConv):
    """Made for batches of one size."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def construct(self, x):
        x = self.conv(x).reshape(self.size, 8, -1)
        return self.dense(x.mean(axis=2))


class Scaled(SmallConv):
    """Scores depend on a plain attribute, a Tensor and an array's copy of it."""

    def __init__(self):
        super().__init__()
        self.factor = 1.0
        self.offset = ms.Tensor(np.zeros(5, np.float32))

    def construct(self, x):
        return self.dense(self.conv(x).mean(axis=(2, 3))) * self.factor + self.offset


class Hooked(SmallConv):
    """Nothing but a place for hooks."""


def doubled(cell, inputs, output):
    """A forward hook, which the exported graph does not have."""
    return output * 2
