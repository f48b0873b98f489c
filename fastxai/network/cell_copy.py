"""A second tree of cells around the caller's Parameters, in which parts can be exchanged.

MindSpore's own ways to alter a backward pass (hooks, exchanging a child) alter the caller's
network; a deep copy of it doubles the memory and does not see later training.
"""

from __future__ import annotations

import time
import types
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from operator import is_, itemgetter
from typing import Any

import mindspore as ms
from mindspore import nn
from mindspore._c_expression import Cell_

Substitute = Callable[[Any], Any]
Wrap = Callable[[nn.Cell, nn.Cell], nn.Cell]

# What MindSpore keeps in a Cell of what it is: the rest of the base's attributes is its caches.
CHILDREN = ("_cells", "_params", "_buffers", "_params_list")
_FRESH: dict[str, Any] = {
    "_compile_cache": None,
    "_phase_cache": None,
    "_lazy_construct_sig": None,  # bound to the original
    "_recompute_cell": None,  # likewise; recomputing saves memory, it changes no number
    "_compiled": False,
    "arguments_key": "",
    "is_top_cell": False,
}
# What MindSpore notes in a Cell when it compiles it.
_COMPILERS = frozenset(
    (
        "__compile_cell_hook__",
        "__parse_method__",
        "_mutable_flags",
        "current_phase",
        "sequence_modified",
    )
)
SCALARS = (bool, int, float, str, bytes, type(None))


@cache
def base_attributes() -> frozenset[str]:
    """Names of what every Cell holds, also those that flags and compiling add."""
    cell = nn.Cell()
    cell.add_flags(training=False)
    return frozenset(vars(cell)) | _COMPILERS


@cache
def hook_attributes() -> frozenset[str]:
    """Names of a Cell's collections of hooks, None or empty where there are none."""
    return frozenset(
        name for name in base_attributes() if name.startswith("_lazy_") and "hook" in name
    )


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
    """Builds the second tree.

    Cells are followed through children, lists, tuples, dicts and bound methods; a Cell used at
    several places is copied once. Cells inside other Python objects are used as they are.

    Args:
        substitute: Gives what stands in the shadow for a value that is no Cell: the value itself
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
        """The shadow of a Cell and all below it."""
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


class Watch:
    """What `signature` went through, to see in a third of its time that nothing has changed."""

    def __init__(self) -> None:
        self._cells: list[tuple[Any, ...]] = []
        self._containers: list[tuple[Any, tuple[Any, ...]]] = []
        self._empty: list[Any] = []  # most of a cell's containers

    def add_cell(self, state: dict[str, Any], names: list[str], hooked: list[str]) -> None:
        """A cell's attributes: all their names, the values that count and its hooks."""
        values, hooks = _getter(names), _getter(hooked)
        self._cells.append((state, tuple(state), values, values(state), hooks))

    def add_container(self, container: Any) -> None:
        """A list, tuple or dict."""
        if container:
            self._containers.append((container, _contents(container)))
        else:
            self._empty.append(container)

    def sees_no_change(self) -> bool:
        """Whether every value is the same object still, and there is no hook; True is certain."""
        for state, layout, values, found, hooks in self._cells:
            if tuple(state) != layout or any(hooks(state)):
                return False
            if not all(map(is_, values(state), found)):
                return False
        if any(map(len, self._empty)):
            return False
        for container, contents in self._containers:
            now = _contents(container)
            if len(now) != len(contents) or not all(map(is_, now, contents)):
                return False
        return True


def _getter(names: list[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda state: tuple(state[name] for name in names)


def _contents(container: Any) -> tuple[Any, ...]:
    if isinstance(container, dict):
        return (*container, *container.values())
    return tuple(container)


def signature(network: nn.Cell, watch: Watch | None = None) -> list[Any]:
    """Everything of a network that a shadow or a compiled graph was built from, but no values.

    Weights may change without changing it; exchanging a child, a Parameter, a hook or a plain
    attribute changes it.

    Args:
        network: The network.
        watch: Is told of everything that is gone through.
    """
    hooks = hook_attributes()
    caches = base_attributes() - set(CHILDREN)  # hooks among them
    found: list[Any] = []
    seen: set[int] = set()
    kinds: dict[type, str] = {}  # asked thousands of times
    layouts: dict[
        tuple[str, ...], tuple[list[str], list[str]]
    ] = {}  # of cells' attributes; there are few

    def add_cell(cell: nn.Cell) -> None:
        state = vars(cell)
        layout = tuple(state)
        if layout not in layouts:
            names = [name for name in layout if name not in caches]
            hooked = [name for name in layout if name in hooks]
            layouts[layout] = (names, hooked)
        names, hooked = layouts[layout]
        if watch is not None:
            watch.add_cell(state, names, hooked)
        found.extend(names)
        for item in map(state.__getitem__, names):
            add_below(item)
        if any(map(state.__getitem__, hooked)):
            for name in hooked:
                if state[name]:
                    found.append(name)
                    add_below(state[name])

    def add(value: Any, kind: str) -> None:
        found.append(value)
        if kind == "cell" and id(value) not in seen:
            seen.add(id(value))
            add_cell(value)
        elif kind in ("sequence", "mapping") and watch is not None:
            watch.add_container(value)
        if kind == "sequence":
            for item in value:
                add_below(item)
        elif kind == "mapping":
            for key, item in value.items():
                found.append(key)
                add_below(item)

    def add_below(item: Any) -> None:
        kind = kinds.get(type(item)) or kinds.setdefault(type(item), _kind(type(item)))
        if kind == "leaf":
            found.append(item)
        else:
            add(item, kind)

    add(network, _kind(type(network)))
    return found


def _kind(value_type: type) -> str:
    """What `signature` does with values of a type."""
    if issubclass(value_type, (*SCALARS, ms.Tensor)):
        return "leaf"
    if issubclass(value_type, nn.Cell):
        return "cell"
    if value_type in (list, tuple):
        return "sequence"
    return "mapping" if value_type in (dict, OrderedDict) else "other"


def same_signature(first: list[Any], second: list[Any]) -> bool:
    """Compares two of one network by identity, plain values by value, containers by content."""
    if len(first) == len(second) and all(map(is_, first, second)):
        return True  # nearly always, and ten times as fast
    return len(first) == len(second) and all(
        one is other
        or (type(one) is type(other) and isinstance(one, SCALARS) and one == other)
        or (type(one) is type(other) and type(one) in (list, tuple, dict, OrderedDict))
        for one, other in zip(first, second, strict=True)
    )
