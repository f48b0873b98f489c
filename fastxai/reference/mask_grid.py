"""Coarse random masks from (seed, index)."""

from __future__ import annotations

import numpy as np

from fastxai.reference.philox import philox4x32

_STREAM_MASKS = 0
_STREAM_BLOCKS = 1
_STREAM_LATTICE = 2
_OA_MASKS = 128
_OA_COLUMNS = 127
_FACTOR_WORD = 129
_LATTICE_STEPS = (0.7548776662466927, 0.5698402909980532)  # 1 / plastic number, and its square
_HALF = np.uint64(32)


def mask_grid(
    seed: int,
    first: int,
    count: int,
    grid: tuple[int, int],
    threshold: int,
    shift_range: tuple[int, int],
    design: str = "iid",
    columns: bytes = b"",
) -> tuple[np.ndarray, np.ndarray]:
    """Masks `first` .. `first + count - 1` of a seed.

    Word k of index i in stream s is lane k % 4 of the Philox block with key (seed low, seed high)
    and counter (k // 4, i low, i high, s).

    'iid': stream 0, index of the mask. Cell k is kept iff word k < threshold; the two words after
    the last cell give the shift, word * range / 2^32 rounded down.

    Others: stream 1, index of the block of 128 masks. Cell k of the block's mask r is kept iff the
    entry of the 128 x 128 Hadamard matrix in row r and cell k's column is -1, or, where word k is
    odd, iff it is 1. The words 127 and 128 give the shift of the whole block.

    'oa128': the words 0 .. 126 put the columns 1 .. 127 into an order.

    'placed': `columns`, each times the same element of the field GF(2^7) of modulus x^7 + x + 1,
    1 + word 129 * 127 / 2^32, and their grid upside down if bit 0 of word 130 is set, mirrored if
    bit 1 is, then transposed if bit 2 is and it is square.

    'lattice': as 'placed', but the words of the shift are words 0 and 1 of stream 2, index 0, plus
    the block's index times the steps of the R2 sequence, modulo 2^32.

    Args:
        seed: 0 .. 2^64 - 1.
        first: Index of the first mask.
        count: M, how many.
        grid: (h, w) coarse cells; at most 127 but for 'iid'.
        threshold: Keep probability times 2^32, 0 .. 2^32; 2^31 but for 'iid'.
        shift_range: (rows, columns); shifts are below these.
        design: 'iid', 'oa128', 'placed' or 'lattice'.
        columns: h w bytes 1 .. 127, the columns of the cells, for the last two.

    Returns:
        cells (M, h, w) uint8 of 0 and 1, and shifts (M, 2) int32.
    """
    index = np.arange(first, first + count, dtype=np.uint64)
    num_cells = grid[0] * grid[1]
    if design != "iid":
        blocks, which = np.unique(index // np.uint64(_OA_MASKS), return_inverse=True)
        words = _words(seed, blocks, _STREAM_BLOCKS, _OA_COLUMNS + 4)
        if design == "oa128":
            taken = 1 + words[:, :_OA_COLUMNS].argsort(axis=1, kind="stable").argsort(axis=1)
        else:
            table = np.frombuffer(columns, np.uint8).reshape(grid)
            taken = np.empty((len(words), num_cells), int)
            for block, drawn in zip(taken, words, strict=True):
                block[:] = _placed(table, *drawn[_FACTOR_WORD : _FACTOR_WORD + 2].tolist())
        kept = _oa_blocks(taken[:, :num_cells], words[:, :num_cells])
        cells = kept[which, (index % np.uint64(_OA_MASKS)).astype(int)]
        shift_words = words[which, _OA_COLUMNS : _OA_COLUMNS + 2]
        if design == "lattice":
            start = _words(seed, np.zeros(1, np.uint64), _STREAM_LATTICE, 2)
            steps = np.array([round(step * 2**32) for step in _LATTICE_STEPS], np.uint64)
            shift_words = (start + blocks[which, None] * steps) % np.uint64(2**32)
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


def _placed(table: np.ndarray, factor_word: int, flips: int) -> np.ndarray:
    """Columns (h w,) of a block's cells, from those of the grid (h, w)."""
    table = table[::-1] if flips & 1 else table
    table = table[:, ::-1] if flips & 2 else table
    if flips & 4 and table.shape[0] == table.shape[1]:
        table = table.T
    factor = 1 + (factor_word * _OA_COLUMNS >> 32)
    return np.array([_field_product(factor, int(column)) for column in table.flat])


def _field_product(a: int, b: int) -> int:
    """Of two polynomials over two elements, modulo x^7 + x + 1."""
    product = 0
    for power in range(7):
        product ^= (b << power) * (a >> power & 1)
    for power in range(12, 6, -1):
        product ^= (0b10000011 << power - 7) * (product >> power & 1)
    return product


def _oa_blocks(columns: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Blocks of masks, (n, 128, cells) bool, from a column and a word for each cell, (n, cells)."""
    hadamard = np.ones((1, 1), int)
    while len(hadamard) < _OA_MASKS:  # Sylvester's doubling
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    entries = hadamard[:, columns].transpose(1, 0, 2)  # [n, row, cell]
    odd = (words % np.uint64(2) == 1)[:, None, :]
    return (entries == -1) ^ odd
