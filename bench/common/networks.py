"""Networks that cost next to nothing, and cells around a network that the benchmarks need."""

from __future__ import annotations

import time

import mindspore as ms
import numpy as np
from mindspore import nn, ops


class SliceNetwork(nn.Cell):
    """The first pixels of the image as scores: waits for its input and computes nothing.

    Args:
        classes: Scores per image; at most the columns of the image.
    """

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.classes = classes

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """(M, C, H, W) to (M, classes)."""
        rows = images.shape[0]
        scores = ops.slice(images, (0, 0, 0, 0), (rows, 1, 1, self.classes))
        return ops.reshape(scores, (rows, self.classes))


class PoolNetwork(nn.Cell):
    """Mean of each channel, then one dense layer: cheap, and every pixel counts.

    Args:
        channels: Of the images.
        classes: Scores per image.
    """

    def __init__(self, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        weight = np.random.default_rng(0).standard_normal((classes, channels))
        self.dense = nn.Dense(channels, classes, ms.Tensor(weight.astype(np.float32)), "zeros")

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """(M, C, H, W) to (M, classes)."""
        return self.dense(images.mean(axis=(2, 3)))


class EntryStamp(nn.Cell):
    """The network, noting when its input is complete."""

    def __init__(self, network: nn.Cell, stamps: list[float]) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.stamps = stamps

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Scores of images."""
        ops.slice(images, (0, 0, 0, 0), (1, 1, 1, 1)).asnumpy()  # waits for the input
        self.stamps.append(time.perf_counter())
        return self.network(images)


class ExitStamp(nn.Cell):
    """The activation, noting when its output is complete."""

    def __init__(self, activation: nn.Cell, stamps: list[float]) -> None:
        super().__init__(auto_prefix=False)
        self.activation = activation
        self.stamps = stamps

    def construct(self, scores: ms.Tensor) -> ms.Tensor:
        """Activated scores."""
        result = self.activation(scores)
        result.asnumpy()
        self.stamps.append(time.perf_counter())
        return result


class Bare(nn.Cell):
    """Network and activation, as an explainer needs them and nothing else."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.activation = nn.Softmax()

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Probabilities of images."""
        return self.activation(self.network(images))
