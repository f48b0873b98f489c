"""Scores summed in the coarse domain, one accumulator per shift, and enlarged at the end."""

from __future__ import annotations

import numpy as np

from fastxai.reference.mask_upsample import bilinear_matrix


def saliency_accumulate(
    scores: np.ndarray,
    cells: np.ndarray,
    shifts: np.ndarray,
    sums: np.ndarray,
    moments: np.ndarray,
) -> int:
    """Adds a batch of scored masks to the accumulators, in place.

    Args:
        scores: (M, T) network scores.
        cells: (M, h, w) coarse masks.
        shifts: (M, 2) their shifts.
        sums: (T + 1, Sr, Sc, h, w) float64; row T is the sum of the masks themselves.
        moments: (T + 1, 2) float64, the sums of f and of f^2 (f = 1 in row T).

    Returns:
        The row of the first score that is not finite (nothing is added then), or -1.
    """
    bad = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(bad):
        return int(bad[0])
    weights = np.concatenate([scores.astype(np.float64), np.ones((len(scores), 1))], axis=1)
    for weight, cell, (dy, dx) in zip(weights, cells.astype(np.float64), shifts, strict=True):
        sums[:, dy, dx] += weight[:, None, None] * cell
    moments[:, 0] += weights.sum(axis=0)
    moments[:, 1] += (weights**2).sum(axis=0)
    return -1


def saliency_expand(sums: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Accumulators to maps: the sum over shifts of crop_s(U(sums_s)).

    Args:
        sums: (T, Sr, Sc, h, w) float64.
        size: (H, W) of the image; the enlarged mask is (H + Sr - 1, W + Sc - 1).

    Returns:
        (T, H, W) float64.
    """
    targets, shift_rows, shift_cols, h, w = sums.shape
    rows = bilinear_matrix(h, size[0] + shift_rows - 1)
    cols = bilinear_matrix(w, size[1] + shift_cols - 1)
    maps = np.zeros((targets, *size))
    for dy in range(shift_rows):
        for dx in range(shift_cols):
            left = np.einsum("ya,tab->tyb", rows[dy : dy + size[0]], sums[:, dy, dx])
            maps += np.einsum("tyb,xb->tyx", left, cols[dx : dx + size[1]])
    return maps
