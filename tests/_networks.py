"""Small networks of known behaviour (graph mode compiles source files only)."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import nn, ops


class SmallConv(nn.Cell):
    """Convolution, BatchNorm, ReLU, pooling and Dense; weights from a seed."""

    def __init__(self, channels: int = 3, classes: int = 5, seed: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.dense = nn.Dense(8, classes)
        rng = np.random.default_rng(seed)
        for parameter in self.get_parameters():
            values = rng.normal(0, 0.5, parameter.shape)
            if "variance" in parameter.name:
                values = np.abs(values) + 0.5
            parameter.set_data(ms.Tensor(values.astype(np.float32)))

    def construct(self, x):
        return self.dense(self.relu(self.norm(self.conv(x))).mean(axis=(2, 3)))


class Jitted(SmallConv):
    """The same, compiled also in PYNATIVE mode."""

    @ms.jit
    def construct(self, x):
        return self.dense(self.relu(self.norm(self.conv(x))).mean(axis=(2, 3)))


class Linear(nn.Cell):
    """score_k(x) = sum of weight_k * x over all pixels: its RISE map is known in closed form."""

    def __init__(self, weight: np.ndarray) -> None:
        super().__init__()
        self.weight = ms.Parameter(ms.Tensor(weight.astype(np.float32)), name="weight")

    def construct(self, x):
        return ops.matmul(
            x.reshape(x.shape[0], -1), self.weight.reshape(self.weight.shape[0], -1).T
        )


class Dense2d(nn.Cell):
    """Class scores per pixel: (M, classes, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1, weight_init="ones")

    def construct(self, x):
        return self.conv(x)


class Flat(nn.Cell):
    """One score per image: (M,)."""

    def construct(self, x):
        return x.mean(axis=(1, 2, 3))


class WrongRows(nn.Cell):
    """Forgets one image."""

    def construct(self, x):
        return x[1:].mean(axis=(2, 3))


class LogScale(nn.Cell):
    """Not finite once the image is mostly masked."""

    def construct(self, x):
        return ops.log(x.mean(axis=(2, 3)) - 0.5)


class Failing(nn.Cell):
    """Works, then raises, then works again (PYNATIVE: `construct` runs every time)."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = SmallConv()
        self.fail = True

    def construct(self, x):
        if self.fail:
            raise RuntimeError("the network failed")
        return self.inner(x)


class Identity(nn.Cell):
    """An activation that changes nothing."""

    def construct(self, x):
        return x


class Half(nn.Cell):
    """Weights and arithmetic in float16."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.random.default_rng(0).normal(size=(3 * 12 * 12, 4)).astype(np.float16)
        self.weight = ms.Parameter(ms.Tensor(weight * np.float16(0.1)), name="weight")

    def construct(self, x):
        return ops.matmul(x.reshape(x.shape[0], -1), self.weight)
