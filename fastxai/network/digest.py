"""Digest of what a network computes, the same in every process.

State files name by it the network that they belong to.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops
from mindspore._c_expression.typing import Type

from fastxai.network.structure import (
    CHILDREN,
    SCALARS,
    PartsOf,
    base_attributes,
    hook_attributes,
    walk,
)

_PLAIN = (*SCALARS, complex, range, slice, np.generic, np.dtype, Type)
_NAMED = (type, np.ufunc, types.BuiltinFunctionType)
_ARRAYS = (ms.Tensor, np.ndarray)
_WITHOUT_CODE = (*_PLAIN, enum.Enum, list, tuple, dict, ops.Primitive)
# What a constructor got, with its addresses, and what only training asks for.
_OF_CELLS = frozenset(("_cell_init_args", "_trains_underlying"))
# What says again what the others say, and addresses and numbers of this process.
_OF_PRIMITIVES = re.compile(
    r"attrs|init_attrs|_update_parameter|fn_id|uniq_name|log_prefix|[Ss]eed[01]?"
)
_OF_PROCESS = re.compile(r"(?:0x[0-9a-f]{6,}|\d{10,})")  # an address or a time within a name
_SMALL = 2**31  # what a wrapper of MindSpore's holds beyond is a time


def network_digest(cells: Iterable[nn.Cell]) -> str:
    """SHA-256 of what cells compute: their kinds, code, attributes, layers and weights.

    It follows cells, primitives, functions, lists, dicts and sets. Names of Parameters, hooks, the
    contents of other Python objects and the globals that code reads do not count.
    """
    return _digest_of(list(cells))


def layer_digest(cell: nn.Cell) -> str | None:
    """The digest of a layer of MindSpore's own, or None where it does not say everything.

    It does so for layers without weights and hooks that hold nothing but each other, primitives,
    numbers and text.
    """
    items, _ = walk([cell], _parts_of)
    whole = all(
        _is_plain_layer(item) if isinstance(item, nn.Cell) else isinstance(item, _WITHOUT_CODE)
        for item in items
    )
    return _digest_of([cell]) if whole else None


def _is_plain_layer(cell: nn.Cell) -> bool:
    state = vars(cell)
    hooked = any(state.get(name) for name in hook_attributes())
    return _is_stock(type(cell)) and not hooked and not state["_params"]


def _digest_of(roots: list[Any]) -> str:
    digest = hashlib.sha256()

    def say(text: Any) -> None:
        data = str(text).encode()
        digest.update(f"{len(data)} ".encode() + data)

    items, opened = walk(roots, _parts_of)
    counts = {id(value): len(parts) for value, _, parts in opened}
    places: dict[int, int] = {}
    for item in items:
        count = counts.get(id(item))
        if isinstance(item, _ARRAYS) or (count is not None and not isinstance(item, tuple)):
            known = len(places)
            place = places.setdefault(id(item), known)
            say(place)
            if place < known:
                continue  # it was here before
        say(_description(item))
        if count is not None:
            say(count)
        elif isinstance(item, _ARRAYS):
            digest.update(_bytes_of(item))
    return digest.hexdigest()


def _description(value: Any) -> str:
    """Text that describes a value without its parts."""
    kind = _kind(value)
    if isinstance(value, _ARRAYS):
        return f"{kind} {value.dtype} {value.shape}"
    if isinstance(value, types.FunctionType):
        return _name(value)
    if isinstance(value, types.CodeType):
        return f"{value.co_code.hex()} {value.co_names}"
    if isinstance(value, enum.Enum):
        return f"{kind}.{value.name}"
    if isinstance(value, (set, frozenset)):
        return f"{kind} {sorted(_digest_of([item]) for item in value)}"
    if isinstance(value, ops.Primitive):
        return f"{kind} {value.name}"
    if isinstance(value, _PLAIN):
        return f"{kind} {value!r}"
    return f"{_kind(type(value))} {_name(value)}" if isinstance(value, _NAMED) else kind


def _bytes_of(value: ms.Tensor | np.ndarray) -> Any:
    if isinstance(value, ms.Tensor):
        value = (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
    if value.dtype.hasobject:
        return b""
    return np.ascontiguousarray(value).reshape(-1).view(np.uint8).data


def _parts_of(kind: type) -> PartsOf | None:
    """The lister of the parts that objects of a type compute with, or None."""
    for kinds, lister in _LISTERS:
        if issubclass(kind, kinds):
            return lister
    return None


def _named(values: Mapping[str, Any], skip: Callable[[str], Any]) -> list[Any]:
    """Names and values in turn."""
    return [part for name, value in values.items() if not skip(name) for part in (name, value)]


def _parts_of_cell(cell: nn.Cell) -> list[Any]:
    kinds = type(cell).__mro__
    own = [kind for kind in kinds if not _is_stock(kind)]
    is_layer = any(
        _is_stock(kind) and issubclass(kind, nn.Cell) for kind in kinds[: kinds.index(nn.Cell)]
    )

    def skip(name: str) -> bool:
        return (
            (name in base_attributes() and name not in CHILDREN)
            or name in _OF_CELLS
            # Of what a layer's Parameters were made: they count as they are.
            or (is_layer and (name.endswith("_init") or name == "init_tensor"))
        )

    of_kinds = [part for kind in own for part in _named(vars(kind), _is_special)]
    return of_kinds + _named(vars(cell), skip)


def _parts_of_function(function: types.FunctionType) -> list[Any]:
    parts = [function.__code__, function.__defaults__, function.__kwdefaults__]
    wrapper = str(function.__globals__.get("__name__")).startswith("mindspore.")
    for held in function.__closure__ or ():
        try:
            content = held.cell_contents
        except ValueError:  # not filled yet
            continue
        if not wrapper or _is_setting(content):
            parts.append(content)
    return parts


_LISTERS: tuple[tuple[Any, PartsOf | None], ...] = (  # the first that fits
    (nn.Cell, _parts_of_cell),
    (types.FunctionType, _parts_of_function),
    (types.CodeType, lambda code: code.co_consts),
    (types.MethodType, lambda method: (method.__func__, method.__self__)),
    ((staticmethod, classmethod), lambda method: (method.__func__,)),
    (property, lambda found: (found.fget,)),
    (functools.partial, lambda found: (found.func, found.args, found.keywords)),
    (enum.Enum, None),
    ((list, tuple), lambda found: found),
    (dict, lambda found: (*found, *found.values())),
    (ops.Primitive, lambda primitive: _named(vars(primitive), _OF_PRIMITIVES.fullmatch)),
)


def _kind(value: Any) -> str:
    return _name(value if isinstance(value, type) else type(value))


def _name(value: Any) -> str:
    """Module and name; MindSpore's rewritten classes have an address in it."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    return _OF_PROCESS.sub("", f"{getattr(value, '__module__', '')}.{name}")


def _is_stock(kind: type) -> bool:
    """Whether a class is MindSpore's own, or Python's."""
    return kind.__module__.split(".")[0] in ("mindspore", "builtins", "pybind11_builtins")


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and name != "__call__"


def _is_setting(content: Any) -> bool:
    """Whether a wrapper of MindSpore's computes with what it holds: `ms.jit` holds times too."""
    if isinstance(content, int):
        return abs(content) < _SMALL
    return isinstance(content, (types.FunctionType, nn.Cell, float, tuple, Type, type(None)))
