"""Positions of an enlarged axis's pixels in the coarse grid, as tables for devices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Taps:
    """Bilinear taps of an axis enlarged from `cells` to `up` samples.

    Attributes:
        cells: (2, up) int32, the cell before and the one after each sample.
        weights: (2, up) float32, theirs; the first is 1 minus the second, rounded.
    """

    cells: np.ndarray
    weights: np.ndarray


def bilinear_taps(cells: int, up: int) -> Taps:
    """The taps that the native kernels compute, to the bit (kernels/common/bilinear.h).

    Args:
        cells: Coarse samples of the axis.
        up: Samples of the enlarged axis, half-pixel centres, edges clamped.

    Example:
        >>> taps = bilinear_taps(2, 4)
        >>> taps.cells.tolist(), taps.weights[1].tolist()
        ([[0, 0, 0, 1], [1, 1, 1, 1]], [0.0, 0.25, 0.75, 0.25])
    """
    denominator = 2 * up
    numerator = np.maximum((2 * np.arange(up, dtype=np.int64) + 1) * cells - up, 0)
    low, rest = np.divmod(numerator, denominator)
    high = np.minimum(low + 1, cells - 1)
    weight = (rest / denominator).astype(np.float32)
    return Taps(np.stack([low, high]).astype(np.int32), np.stack([np.float32(1) - weight, weight]))
