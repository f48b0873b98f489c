"""Which column of the orthogonal array each cell of a grid takes, in designs with placed columns.

In a block of 128 masks the interaction of two cells falls into the column that is the xor of
theirs. If another cell has that column, the interaction is noise of its effect. Cells that are near
each other interact most, so near cells get columns whose xor no cell has. Of random columns 79 % of
the pairs meet a third cell; of the table for 10 x 10 cells, 12 % of those side by side do.
"""

from __future__ import annotations

import functools

import numpy as np

from fastxai.ops.native import has_native, native

_MOVES = 250_000  # a tenth of a second in C++, ten seconds in Python

# The default grid of RISE, row by row.
_10_BY_10 = (
    *(46, 94, 66, 100, 88, 103, 90, 52, 54, 11),
    *(64, 50, 15, 99, 21, 121, 9, 101, 123, 49),
    *(97, 92, 48, 13, 89, 40, 70, 42, 23, 96),
    *(44, 10, 91, 102, 53, 68, 67, 47, 12, 93),
    *(17, 71, 122, 22, 55, 126, 65, 45, 124, 16),
    *(125, 41, 20, 69, 43, 14, 51, 95, 18, 98),
    *(19, 127, 120, 8, 85, 80, 26, 76, 24, 116),
    *(117, 3, 82, 59, 60, 39, 118, 78, 37, 31),
    *(36, 104, 111, 87, 4, 1, 75, 29, 115, 62),
    *(72, 25, 6, 106, 57, 109, 34, 113, 32, 73),
)


@functools.lru_cache(maxsize=64)
def placed_columns(grid: tuple[int, int]) -> bytes:
    """Columns of the 128 x 128 Hadamard matrix for the cells of a grid.

    Found once per process and grid, by the same integers on every machine; the table of 10 x 10
    cells is ready.

    Args:
        grid: (h, w) coarse cells, at most 127 together.

    Returns:
        h w bytes of distinct numbers 1 .. 127, row by row.
    """
    if grid == (10, 10):
        return bytes(_10_BY_10)
    if not has_native():
        from fastxai import reference

        return reference.place_columns(grid, _MOVES).tobytes()
    columns = np.empty(grid[0] * grid[1], np.uint8)
    native().place_columns(*grid, _MOVES, columns)
    return columns.tobytes()
