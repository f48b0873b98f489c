"""The inputs of the Ascend ops, made from what the CPU ops take."""

from __future__ import annotations

import numpy as np

from fastxai.ops import MaskSpec, OcclusionSpec, mask_grid
from fastxai.ops.bilinear import bilinear_taps


def mask_inputs(spec: MaskSpec, first: int, count: int) -> list[np.ndarray]:
    """Cells (M, h, w) float32 and shifts (M, 2) int32 of masks."""
    cells, shifts = mask_grid(spec, first, count, backend="reference")
    return [cells.astype(np.float32), shifts]


def tap_inputs(spec: MaskSpec) -> list[np.ndarray]:
    """Rows (2, up) in cells, columns (2, up) in bytes, each with their weights."""
    rows, cols = (
        bilinear_taps(cells, up) for cells, up in zip(spec.grid, spec.up_size, strict=True)
    )
    return [rows.cells, rows.weights, 4 * cols.cells, cols.weights]


def product_inputs(
    image: np.ndarray, base: np.ndarray, spec: MaskSpec, first: int, count: int
) -> list[np.ndarray]:
    """All inputs of FastxaiMaskedProduct."""
    return [image, base, *mask_inputs(spec, first, count), *tap_inputs(spec)]


def accumulate_inputs(
    scores: np.ndarray,
    spec: MaskSpec,
    first: int,
    count: int,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[np.ndarray]:
    """All inputs of FastxaiSaliencyAccumulate: scores (M, T), of which `count` rows count."""
    masks, targets = scores.shape
    if pairs is None:
        sums = np.zeros((2, targets + 1, *spec.shift_range, *spec.grid), np.float32)
        pairs = (sums, np.zeros((2, 2, targets + 1), np.float32))
    weights = np.concatenate([scores, np.ones((masks, 1), np.float32)], axis=1)
    return [weights, *mask_inputs(spec, first, masks), np.array([count], np.int32), *pairs]


def occlusion_inputs(
    image: np.ndarray, base: np.ndarray, spec: OcclusionSpec, first: int, count: int
) -> list[np.ndarray]:
    """All inputs of FastxaiOcclusionFill."""
    windows = np.arange(first, first + count, dtype=np.int64)
    return [image, base, windows, np.array([*spec.window, *spec.strides], np.int64)]
