"""Columns of a Hadamard matrix, placed over a grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_COLUMNS = 127
_FIRST_THRESHOLD = 60
_WEIGHTS = {1: 100, 2: 60, 4: 25, 5: 15, 8: 8}  # of pairs of cells, by their squared distance
_WORD = 2**64 - 1


def placement_cost(grid: tuple[int, int], columns: np.ndarray) -> int:
    """Cost that `place_columns` minimises.

    Args:
        grid: (h, w) coarse cells.
        columns: (h w,) integers, the columns of the cells.

    Returns:
        Sum over pairs of cells whose columns' xor is a column of some cell, of 100, 60, 25, 15 or 8
        for squared distances 1, 2, 4, 5 and 8.
    """
    used = {int(column) for column in columns}
    near = _near_cells(grid)
    twice = sum(
        weight
        for cell, pairs in enumerate(near)
        for other, weight in pairs
        if int(columns[cell]) ^ int(columns[other]) in used
    )
    return twice // 2


def place_columns(grid: tuple[int, int], moves: int) -> np.ndarray:
    """Distinct columns 1 .. 127 for the cells of a grid, of little cost.

    Threshold accepting from the columns 1, 2, ... on: each move exchanges the column of a cell with
    that of another cell or with a free one, and is kept where it adds at most a threshold that
    falls from 60 to 0. Integers throughout, and random numbers of splitmix64 from state 0.

    Args:
        grid: (h, w) coarse cells, at most 127 together.
        moves: How many are tried.

    Returns:
        (h w,) uint8, row by row: the best that was met.

    Source:
        Dueck and Scheuer, "Threshold accepting", Journal of Computational Physics 90, 1990.
    """
    state = _Placement(grid)
    best, found = state.cost, list(state.slots[: state.cells])
    random = _splitmix64()
    for move in range(moves):
        cell = next(random) * state.cells >> 32
        slot = next(random) * _COLUMNS >> 32
        if cell == slot:
            continue
        before = state.cost
        state.exchange(cell, slot)
        if state.cost - before > _FIRST_THRESHOLD * (moves - move) // moves:
            state.exchange(cell, slot)
        elif state.cost < best:
            best, found = state.cost, list(state.slots[: state.cells])
    return np.array(found, np.uint8)


class _Placement:
    """Columns in 127 slots, those of the cells first, and the weights that meet in each column."""

    def __init__(self, grid: tuple[int, int]) -> None:
        self.near = _near_cells(grid)
        self.cells = grid[0] * grid[1]
        self.slots = list(range(1, _COLUMNS + 1))
        self.used = [0 < column <= self.cells for column in range(_COLUMNS + 1)]
        self.met = [0] * (_COLUMNS + 1)
        for cell, pairs in enumerate(self.near):
            for other, weight in pairs:
                if other < cell:
                    self.met[self.slots[cell] ^ self.slots[other]] += weight
        self.cost = sum(met for met, used in zip(self.met, self.used, strict=True) if used)

    def exchange(self, cell: int, slot: int) -> None:
        """Exchanges two slots' columns, the first a cell's; the same call undoes it."""
        both = slot < self.cells
        self._add(cell, -1, -1)
        if both:
            self._add(slot, cell, -1)
        else:
            self._use(self.slots[cell], False)
        self.slots[cell], self.slots[slot] = self.slots[slot], self.slots[cell]
        if not both:
            self._use(self.slots[cell], True)
        self._add(cell, -1, 1)
        if both:
            self._add(slot, cell, 1)

    def _add(self, cell: int, without: int, sign: int) -> None:
        for other, weight in self.near[cell]:
            if other == without:
                continue
            column = self.slots[cell] ^ self.slots[other]
            self.met[column] += sign * weight
            if self.used[column]:
                self.cost += sign * weight

    def _use(self, column: int, used: bool) -> None:
        self.used[column] = used
        self.cost += self.met[column] if used else -self.met[column]


def _near_cells(grid: tuple[int, int]) -> list[list[tuple[int, int]]]:
    """For every cell, the cells that are near, and the pairs' weights."""
    places = [(row, col) for row in range(grid[0]) for col in range(grid[1])]
    return [
        [
            (other, _WEIGHTS[squared])
            for other, (row, col) in enumerate(places)
            if (squared := (row - place[0]) ** 2 + (col - place[1]) ** 2) in _WEIGHTS
        ]
        for place in places
    ]


def _splitmix64() -> Iterator[int]:
    """The upper 32 bits of its numbers (Steele, Lea and Flood, OOPSLA 2014)."""
    state = 0
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _WORD
        z = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & _WORD
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & _WORD
        yield (z ^ z >> 31) >> 32
