"""The engine that every network has: its cell, run by MindSpore in the mode and device it is in."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.engine.protocol import Engine
from fastxai.network.evaluation import running


class MindSporeEngine(Engine):
    """A cell as it is.

    Args:
        cell: Images (M, C, H, W) to activated scores (M, classes) float32.
        precision: Name of the dtype that the network computes in.
    """

    name = "mindspore"
    title = "MindSpore"
    precisions = ("float32", "float16", "bfloat16", "float64")
    any_shape = True
    in_place = True

    def __init__(self, cell: nn.Cell, precision: str = "float32") -> None:
        self.cell = cell
        self.precision = precision

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Scores of a batch; errors of the network come through as they are."""
        with running(self.title):
            # Copied, since the network may return memory that it uses again.
            return self.cell(view_of(batch)).asnumpy().copy()


def view_of(batch: np.ndarray) -> ms.Tensor:
    """A batch as a Tensor: on the CPU a view of the array, elsewhere a copy on the device."""
    if ms.get_context("device_target") == "CPU":
        return ms.Tensor.from_numpy(batch)
    return ms.Tensor(batch)
