"""Coarse masks enlarged by half-pixel-centre bilinear interpolation, then cropped."""

from __future__ import annotations

import numpy as np


def bilinear_matrix(cells: int, up: int) -> np.ndarray:
    """Matrix (up, cells) that enlarges an axis of `cells` samples to `up`, edges clamped."""
    source = np.clip((np.arange(up) + 0.5) * cells / up - 0.5, 0.0, cells - 1.0)
    low = np.floor(source).astype(int)
    high = np.minimum(low + 1, cells - 1)
    weight = source - low
    matrix = np.zeros((up, cells))
    np.add.at(matrix, (np.arange(up), low), 1.0 - weight)
    np.add.at(matrix, (np.arange(up), high), weight)
    return matrix


def mask_upsample(
    cells: np.ndarray, shifts: np.ndarray, size: tuple[int, int], up_size: tuple[int, int]
) -> np.ndarray:
    """Masks as the network sees them.

    Args:
        cells: (M, h, w) of 0 and 1.
        shifts: (M, 2) integers, 0 .. up_size - size.
        size: (H, W) of the masks.
        up_size: (rows, columns) of the enlarged mask before the crop.

    Returns:
        (M, 1, H, W) float64 in [0, 1].
    """
    rows = bilinear_matrix(cells.shape[1], up_size[0])
    cols = bilinear_matrix(cells.shape[2], up_size[1])
    masks = np.empty((len(cells), 1, *size))
    for mask, cell, (dy, dx) in zip(masks, cells, shifts, strict=True):
        mask[0] = rows[dy : dy + size[0]] @ cell.astype(np.float64) @ cols[dx : dx + size[1]].T
    return masks
