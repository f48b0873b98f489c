"""Coarse random masks from (seed, index)."""

from __future__ import annotations

import numpy as np

from fastxai.reference.philox import philox4x32

_STREAM_MASKS = 0


def mask_grid(
    seed: int,
    first: int,
    count: int,
    grid: tuple[int, int],
    threshold: int,
    shift_range: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Masks `first` .. `first + count - 1` of a seed.

    Word k of mask i is lane k % 4 of the Philox block with key (seed low, seed high) and counter
    (k // 4, i low, i high, 0). Cell k is kept iff word k < threshold; the two words after the last
    cell give the shift, word * range / 2^32 rounded down.

    Args:
        seed: 0 .. 2^64 - 1.
        first: Index of the first mask.
        count: M, how many.
        grid: (h, w) coarse cells.
        threshold: Keep probability times 2^32, 0 .. 2^32.
        shift_range: (rows, columns); shifts are below these.

    Returns:
        cells (M, h, w) uint8 of 0 and 1, and shifts (M, 2) int32.
    """
    num_cells = grid[0] * grid[1]
    blocks = (num_cells + 2 + 3) // 4
    index = np.arange(first, first + count, dtype=np.uint64)[:, None]
    counter = np.zeros((count, blocks, 4), dtype=np.uint64)
    counter[..., 0] = np.arange(blocks, dtype=np.uint64)
    counter[..., 1] = index & np.uint64(0xFFFFFFFF)
    counter[..., 2] = index >> np.uint64(32)
    counter[..., 3] = _STREAM_MASKS
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32)).reshape(count, 4 * blocks)
    words = words.astype(np.uint64)
    cells = (words[:, :num_cells] < np.uint64(threshold)).astype(np.uint8)
    shifts = (words[:, num_cells : num_cells + 2] * np.array(shift_range, np.uint64)) >> np.uint64(
        32
    )
    return cells.reshape(count, *grid), shifts.astype(np.int32)
