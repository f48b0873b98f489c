"""Copies of cells that share the caller's Parameters and in which parts can be exchanged.

MindSpore's own ways to alter a backward pass (hooks, exchanging a child) alter the caller's
network; a deep copy of it doubles the memory and does not see later training.
"""

from __future__ import annotations

import time
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import mindspore as ms
from mindspore import nn
from mindspore._c_expression import Cell_

from fastxai.network.structure import CHILDREN, base_attributes

Substitute = Callable[[Any], Any]
Wrap = Callable[[nn.Cell, nn.Cell], nn.Cell]

_FRESH: dict[str, Any] = {
    "_compile_cache": None,
    "_phase_cache": None,
    "_lazy_construct_sig": None,  # bound to the original
    "_recompute_cell": None,  # likewise; recomputing saves memory, it changes no number
    "_compiled": False,
    "arguments_key": "",
    "is_top_cell": False,
}


def bare_copy(cell: nn.Cell) -> nn.Cell:
    """A Cell of the same class and attributes, sharing children and Parameters."""
    kind: Any = type(cell)
    copy = kind.__new__(kind)
    Cell_.__setstate__(copy, Cell_.__getstate__(cell))
    nn.Cell.total_instance_count += 1  # what Cell.__init__ does and Cell.__del__ undoes
    state = vars(copy)
    state.update(vars(cell))
    state.update(_FRESH, _create_time=time.time_ns())  # part of the key of compiled graphs
    for name, value in state.items():
        if isinstance(value, (dict, set)) and name.startswith("_"):
            state[name] = value.copy()
    if cell.mixed_precision_type is not None:
        Cell_.set_mixed_precision_type(copy, cell.mixed_precision_type)
    return copy


class CellCopier:
    """Copies a network cell by cell.

    Cells are followed through children, lists, tuples, dicts and bound methods; a Cell used at
    several places is copied once. Cells inside other Python objects are used as they are.

    Args:
        substitute: Gives what stands in the copy for a value that is no Cell: the value itself
            where nothing changes.
        wrap: Gives what stands for a Cell, from the original and its copy.
    """

    def __init__(
        self,
        substitute: Substitute = lambda value: value,
        wrap: Wrap = lambda cell, copy: copy,
    ) -> None:
        self._substitute = substitute
        self._wrap = wrap
        self._copies: dict[int, nn.Cell] = {}

    def copy(self, cell: nn.Cell) -> nn.Cell:
        """The copy of a Cell and all below it."""
        if id(cell) not in self._copies:
            copy = bare_copy(cell)
            self._copies[id(cell)] = copy  # before the children: they may refer to it
            state = vars(copy)
            for name in CHILDREN:
                state[name] = self._value(state[name])
            for name in [name for name in state if name not in base_attributes()]:
                self._set(copy, name, self._value(state[name]))
            self._copies[id(cell)] = self._wrap(cell, copy)
        return self._copies[id(cell)]

    @staticmethod
    def _set(copy: nn.Cell, name: str, value: Any) -> None:
        state = vars(copy)
        if isinstance(value, nn.Cell):  # where a primitive was
            del state[name]
            state["_primitives"].pop(name, None)
            state["_cells"][name] = value
        else:
            state[name] = value

    def _value(self, value: Any) -> Any:
        if isinstance(value, nn.Cell):
            return self.copy(value)
        if isinstance(value, types.MethodType) and isinstance(value.__self__, nn.Cell):
            function = self._substitute(value.__func__)
            return types.MethodType(function, self.copy(value.__self__))
        if type(value) in (list, tuple):
            items = [self._value(item) for item in value]
            changed = any(new is not old for new, old in zip(items, value, strict=True))
            return type(value)(items) if changed else value
        if type(value) in (dict, OrderedDict):
            pairs = {key: self._value(item) for key, item in value.items()}
            changed = any(pairs[key] is not value[key] for key in value)
            return type(value)(pairs) if changed else value
        return value if isinstance(value, ms.Tensor) else self._substitute(value)
