"""Coarse random masks from (seed, index)."""

from __future__ import annotations

import numpy as np

from fastxai.reference.philox import philox4x32

_STREAM_MASKS = 0
_STREAM_OA128 = 1
_OA_MASKS = 128
_OA_COLUMNS = 127
_HALF = np.uint64(32)


def mask_grid(
    seed: int,
    first: int,
    count: int,
    grid: tuple[int, int],
    threshold: int,
    shift_range: tuple[int, int],
    design: str = "iid",
) -> tuple[np.ndarray, np.ndarray]:
    """Masks `first` .. `first + count - 1` of a seed.

    Word k of index i in stream s is lane k % 4 of the Philox block with key (seed low, seed high)
    and counter (k // 4, i low, i high, s).

    'iid': stream 0, index of the mask. Cell k is kept iff word k < threshold; the two words after
    the last cell give the shift, word * range / 2^32 rounded down.

    'oa128': stream 1, index of the block of 128 masks. The words 0 .. 126 put the columns 1 .. 127
    of the 128 x 128 Hadamard matrix into an order; cell k of the block's mask r is kept iff the
    entry in row r and cell k's column is -1, or, where word k is odd, iff it is 1. The words 127
    and 128 give the shift of the whole block.

    Args:
        seed: 0 .. 2^64 - 1.
        first: Index of the first mask.
        count: M, how many.
        grid: (h, w) coarse cells; at most 127 under 'oa128'.
        threshold: Keep probability times 2^32, 0 .. 2^32; 2^31 under 'oa128'.
        shift_range: (rows, columns); shifts are below these.
        design: 'iid' or 'oa128'.

    Returns:
        cells (M, h, w) uint8 of 0 and 1, and shifts (M, 2) int32.
    """
    index = np.arange(first, first + count, dtype=np.uint64)
    num_cells = grid[0] * grid[1]
    if design == "oa128":
        blocks, which = np.unique(index // np.uint64(_OA_MASKS), return_inverse=True)
        words = _words(seed, blocks, _STREAM_OA128, _OA_COLUMNS + 2)
        kept = _oa_blocks(words[:, :_OA_COLUMNS])[:, :, :num_cells]
        cells = kept[which, (index % np.uint64(_OA_MASKS)).astype(int)]
        shift_words = words[which, _OA_COLUMNS:]
    else:
        words = _words(seed, index, _STREAM_MASKS, num_cells + 2)
        cells = words[:, :num_cells] < np.uint64(threshold)
        shift_words = words[:, num_cells:]
    shifts = (shift_words * np.array(shift_range, np.uint64)) >> _HALF
    return cells.astype(np.uint8).reshape(count, *grid), shifts.astype(np.int32)


def _words(seed: int, index: np.ndarray, stream: int, number: int) -> np.ndarray:
    """Words 0 .. number - 1 of indices (n,) in a stream, (n, number) uint64."""
    blocks = -(-number // 4)
    counter = np.zeros((len(index), blocks, 4), dtype=np.uint64)
    counter[..., 0] = np.arange(blocks, dtype=np.uint64)
    counter[..., 1] = index[:, None] & np.uint64(0xFFFFFFFF)
    counter[..., 2] = index[:, None] >> _HALF
    counter[..., 3] = stream
    words = philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32)).reshape(len(index), 4 * blocks)
    return words[:, :number].astype(np.uint64)


def _oa_blocks(words: np.ndarray) -> np.ndarray:
    """Blocks of masks, (n, 128, 127) bool, from the 127 words of each."""
    hadamard = np.ones((1, 1), int)
    while len(hadamard) < _OA_MASKS:  # Sylvester's doubling
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    ranks = words.argsort(axis=1, kind="stable").argsort(axis=1)
    entries = hadamard[:, 1 + ranks].transpose(1, 0, 2)  # [n, row, cell]
    odd = (words % np.uint64(2) == 1)[:, None, :]
    return (entries == -1) ^ odd
