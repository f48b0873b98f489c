"""Copies of an image with the pixels of an interval of ranks covered."""

from __future__ import annotations

import numpy as np


def pixel_fill(
    image: np.ndarray,
    base: np.ndarray,
    ranks: np.ndarray,
    intervals: np.ndarray,
    outside: bool,
) -> np.ndarray:
    """Copies of an image, each with the pixels of some ranks set to `base`.

    Args:
        image: (C, H, W).
        base: (C,) or (C, H, W), what a covered pixel shows.
        ranks: (H, W) integers.
        intervals: (M, 2) low, high: ranks low .. high - 1.
        outside: Cover the ranks outside the interval instead of those inside.

    Returns:
        (M, C, H, W), dtype of `image`.
    """
    batch = np.repeat(image[None], len(intervals), axis=0)
    for copy, (low, high) in zip(batch, intervals, strict=True):
        inside = (ranks >= low) & (ranks < high)
        covered = inside != outside
        copy[:, covered] = base[:, None] if base.ndim == 1 else base[:, covered]
    return batch
