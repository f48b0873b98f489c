"""Windows covered one at a time, and score drops summed over the windows."""

from __future__ import annotations

import numpy as np


def occlusion_grid(
    size: tuple[int, int], window: tuple[int, int], strides: tuple[int, int]
) -> tuple[int, int]:
    """Window positions (from top to bottom, from left to right), valid ones only."""
    rows, cols = ((n - k) // s + 1 for n, k, s in zip(size, window, strides, strict=True))
    return rows, cols


def _corner(index: int, grid: tuple[int, int], strides: tuple[int, int]) -> tuple[int, int]:
    return index // grid[1] * strides[0], index % grid[1] * strides[1]


def _hidden(base: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Levels (C,) as a picture (C, H, W); a picture as it is."""
    return np.broadcast_to(base[:, None, None], shape) if base.ndim == 1 else base


def occlusion_fill(
    image: np.ndarray,
    base: np.ndarray,
    first: int,
    count: int,
    window: tuple[int, int],
    strides: tuple[int, int],
) -> np.ndarray:
    """Copies of an image with windows `first` .. `first + count - 1` set to `base`.

    Args:
        image: (C, H, W).
        base: (C,) or (C, H, W), shown inside a window.
        first: Row-major number of the first window; outside the grid nothing is covered.
        count: M.
        window: (rows, columns) of a window.
        strides: (rows, columns) from one window to the next.

    Returns:
        (M, C, H, W), dtype of `image`.
    """
    size = (image.shape[1], image.shape[2])
    grid = occlusion_grid(size, window, strides)
    batch = np.repeat(image[None], count, axis=0)
    hidden = _hidden(base, image.shape)
    for row, index in enumerate(range(first, first + count)):
        if 0 <= index < grid[0] * grid[1]:
            y, x = _corner(index, grid, strides)
            inside = np.s_[:, y : y + window[0], x : x + window[1]]
            batch[row][inside] = hidden[inside]
    return batch


def occlusion_patch(
    batch: np.ndarray,
    image: np.ndarray,
    base: np.ndarray,
    previous_first: int,
    first: int,
    window: tuple[int, int],
    strides: tuple[int, int],
) -> None:
    """Makes a batch (M, C, H, W) of some windows hold those from `first` on, in place.

    Row 0 holds `previous_first` now; only pixels of the old and of the new windows are written.
    """
    grid = occlusion_grid((image.shape[1], image.shape[2]), window, strides)
    hidden = _hidden(base, image.shape)
    for row, copy in enumerate(batch):
        for index, shown in ((previous_first + row, image), (first + row, hidden)):
            if not 0 <= index < grid[0] * grid[1]:
                continue
            y, x = _corner(index, grid, strides)
            inside = np.s_[:, y : y + window[0], x : x + window[1]]
            copy[inside] = shown[inside]


def occlusion_sum(
    drops: np.ndarray, size: tuple[int, int], window: tuple[int, int], strides: tuple[int, int]
) -> np.ndarray:
    """Per pixel: the sum of the drops of the windows over it, divided by 1 + their number.

    Args:
        drops: (T, P) score drops of every window.
        size: (H, W).
        window: (rows, columns) of a window.
        strides: (rows, columns) from one window to the next.

    Returns:
        (T, H, W) float64.
    """
    grid = occlusion_grid(size, window, strides)
    total = np.zeros((len(drops), *size))
    number = np.ones(size)
    for index in range(grid[0] * grid[1]):
        y, x = _corner(index, grid, strides)
        inside = np.s_[y : y + window[0], x : x + window[1]]
        total[(np.s_[:], *inside)] += drops[:, index, None, None]
        number[inside] += 1.0
    return total / number
