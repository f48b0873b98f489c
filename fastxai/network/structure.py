"""The structure of a network, found by one walker, and whether it has changed.

`walk` serves whoever asks: `Structure` compares objects by identity within a process, the digest of
`network.digest` compares contents between processes. They differ in the parts that they look into.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from operator import is_, itemgetter
from typing import Any

from mindspore import nn

PartsOf = Callable[[Any], Sequence[Any]]

# What MindSpore keeps in a Cell of what it is: the rest of the base's attributes is its caches.
CHILDREN = ("_cells", "_params", "_buffers", "_params_list")
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
_CONTAINERS = (list, tuple, dict, OrderedDict)


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


def walk(
    roots: Sequence[Any], parts_of: Callable[[type], PartsOf | None]
) -> tuple[list[Any], list[tuple[Any, PartsOf, Sequence[Any]]]]:
    """Everything that objects consist of, depth first and in order.

    An object is looked into where it is met first; a tuple, whose identity means nothing, always.

    Args:
        roots: The objects.
        parts_of: Gives, for a type, what lists the parts of such an object; None: it has none.

    Returns:
        All objects met, and each one looked into with its lister and its parts.
    """
    listers: dict[type, PartsOf | None] = {}  # asked thousands of times
    found: list[Any] = []
    opened: list[tuple[Any, PartsOf, Sequence[Any]]] = []
    seen: set[int] = set()
    left = list(reversed(roots))
    while left:
        value = left.pop()
        found.append(value)
        kind = type(value)
        try:
            parts_in = listers[kind]
        except KeyError:
            parts_in = listers[kind] = parts_of(kind)
        if parts_in is None or id(value) in seen:
            continue
        if not isinstance(value, tuple):
            seen.add(id(value))
        parts = parts_in(value)
        opened.append((value, parts_in, parts))
        left.extend(reversed(parts))
    return found, opened


class Structure:
    """The cells, Parameters, hooks, functions and plain attributes of networks, by identity.

    Weights may change without changing it. What other Python objects hold is not looked into.

    Args:
        roots: The networks. They are kept alive with all that they consist of.
    """

    def __init__(self, *roots: Any) -> None:
        self._roots = roots
        self.items, opened = walk(roots, _identified_parts)
        self._opened: list[tuple[Any, PartsOf, Sequence[Any]]] = []
        self._empty: list[Any] = []  # containers: most of what a cell holds
        for entry in opened:
            if isinstance(entry[0], nn.Cell) or entry[0]:
                self._opened.append(entry)
            else:
                self._empty.append(entry[0])

    def is_current(self, *roots: Any) -> bool:
        """Whether the networks still consist of this, and are `roots` where those are given."""
        if roots and not all(map(is_, roots, self._roots)):
            return False
        if not any(self._empty) and all(map(_has_parts, self._opened)):
            return True  # nearly always, and three times as fast
        now = Structure(*self._roots)
        if not self.is_same(now):
            return False
        vars(self).update(vars(now))
        return True

    def is_same(self, other: Structure) -> bool:
        """Whether both are of the same objects, numbers and text compared by value."""
        return len(self.items) == len(other.items) and all(
            one is two or _is_equal(one, two)
            for one, two in zip(self.items, other.items, strict=True)
        )


class WeakStructure:
    """A `Structure` that keeps nothing alive.

    Args:
        items: Of a `Structure`; further text and numbers may follow.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = [_weak(item) for item in items]

    def matches(self, items: Sequence[Any]) -> bool:
        """Whether these are the same objects, numbers and text compared by value."""
        return len(self._items) == len(items) and all(
            (own() is item) if isinstance(own, weakref.ref) else (own is item or _same(own, item))
            for own, item in zip(self._items, items, strict=True)
        )


def _weak(item: Any) -> Any:
    if isinstance(item, SCALARS):
        return item
    if type(item) in _CONTAINERS:
        return type(item)  # its contents follow it
    try:
        return weakref.ref(item)
    except TypeError:  # a kind that knows no weak references; none that MindSpore has holds a cell
        return item


def _same(own: Any, item: Any) -> bool:
    return own is type(item) or _is_equal(own, item)


def _is_equal(one: Any, two: Any) -> bool:
    """Whether two objects count as one: equal scalars, and containers, whose contents follow."""
    if type(one) is not type(two):
        return False
    if isinstance(one, SCALARS):
        return one == two or (one != one and two != two)
    return type(one) in _CONTAINERS


def _has_parts(opened: tuple[Any, PartsOf, Sequence[Any]]) -> bool:
    value, parts_in, parts = opened
    now = parts_in(value)
    return len(now) == len(parts) and all(map(is_, now, parts))


def _identified_parts(kind: type) -> PartsOf | None:
    """The parts that a `Structure` looks into."""
    if issubclass(kind, nn.Cell):
        return _parts_of_cell
    if kind in (list, tuple):
        return _length_and_items
    return _keys_and_values if kind in (dict, OrderedDict) else None


def _length_and_items(value: list[Any] | tuple[Any, ...]) -> tuple[Any, ...]:
    return (len(value), *value)


def _keys_and_values(value: dict[Any, Any]) -> tuple[Any, ...]:
    return (len(value), *value, *value.values())


def _parts_of_cell(cell: nn.Cell) -> tuple[Any, ...]:
    """Names of the attributes that count, in one str, their values, and hooks if there are any."""
    state = vars(cell)
    names, values, hooks = _layout(tuple(state))
    parts = (names, *values(state))
    if any(hooks(state)):
        parts += tuple(hook for hook in hooks(state) if hook)
    return parts


@cache
def _layout(names: tuple[str, ...]) -> tuple[str, Any, Any]:
    """Readers of a Cell's attributes by their names; there are few combinations."""
    caches = base_attributes() - set(CHILDREN)  # hooks among them
    counted = [name for name in names if name not in caches]
    hooks = [name for name in names if name in hook_attributes()]
    return "\n".join(counted), _getter(counted), _getter(hooks)


def _getter(names: list[str]) -> Callable[[dict[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda state: tuple(state[name] for name in names)
