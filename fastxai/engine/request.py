"""Request to an engine: cells, shape and dtype of what it is to score."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn


@dataclass(frozen=True)
class ScoringRequest:
    """A network, and the batches that it is to score.

    Attributes:
        cells: All that the scores depend on: the caller's network first, then its activation, ...
        make: Makes the cell to run: images (M, C, H, W) float32 to scores (M, K, ...) float32.
        shape: (M, C, H, W) of the batches.
        fill: Writes the first real batch into an array of that shape.
        images: How many images there are to score for each image that is explained.
        dtype: What the network computes in.
        form: What is made of the network's outputs, where the cells do not show it.
    """

    cells: tuple[nn.Cell, ...]
    make: Callable[[], nn.Cell]
    shape: tuple[int, ...]
    fill: Callable[[np.ndarray], Any]
    images: int
    dtype: Any = ms.float32
    form: Hashable = ()
