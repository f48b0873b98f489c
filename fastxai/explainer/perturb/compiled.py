"""The compiled cells of an explainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mindspore import nn

_Cell = TypeVar("_Cell", bound=nn.Cell)


@dataclass(frozen=True)
class CellKey:
    """Key of a compiled cell of one network.

    Attributes:
        purpose: What it computes.
        dtype: What the network takes.
        batch: Images at a time, where the cell is made for a number.
    """

    purpose: str
    dtype: str
    batch: int = 0


class CompiledCells(Generic[_Cell]):
    """Cells by what fixes them. A copy or a pickle of it is empty."""

    def __init__(self) -> None:
        self._cells: dict[CellKey, _Cell] = {}

    def __deepcopy__(self, memo: object) -> CompiledCells[_Cell]:
        return CompiledCells()

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return CompiledCells, ()

    def __iter__(self) -> Iterator[_Cell]:
        return iter(self._cells.values())

    def __len__(self) -> int:
        return len(self._cells)

    @contextmanager
    def using(self, key: CellKey, make: Callable[[], _Cell]) -> Iterator[_Cell]:
        """The cell to run; after an exception it is dropped, since it would not run again.

        Args:
            key: What fixes it.
            make: Makes it where there is none.
        """
        try:
            if key not in self._cells:
                self._cells[key] = make()
            yield self._cells[key]
        except BaseException:
            self._cells.pop(key, None)
            raise

    def clear(self, *kept: CellKey) -> None:
        """Drops all cells but some, where the network is another now."""
        self._cells = {key: cell for key, cell in self._cells.items() if key in kept}
