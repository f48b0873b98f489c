"""Digest of a network that is the same in another process, for a file to say what it is of."""

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

from fastxai.network.cell_copy import CHILDREN, SCALARS, base_attributes

_PLAIN = (*SCALARS, complex, range, slice, np.generic, np.dtype, Type)
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

    It is followed through cells, primitives, functions, lists, dicts and sets. Names of Parameters
    do not count, nor do hooks, what other Python objects hold, and the globals that code reads.
    """
    walk = _Walk()
    for cell in cells:
        walk.add(cell)
    return walk.hexdigest()


class _Walk:
    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._seen: dict[int, tuple[int, Any]] = {}  # place by id, and what keeps the id taken

    def hexdigest(self) -> str:
        """Of everything that was added."""
        return self._digest.hexdigest()

    def add(self, value: Any) -> None:
        """Adds a value and all that it consists of."""
        if isinstance(value, (nn.Cell, ms.Tensor, np.ndarray, types.FunctionType, list, dict)):
            place, _ = self._seen.get(id(value), (len(self._seen), None))
            self._say(place)
            if place < len(self._seen):
                return  # it was here before
            self._seen[id(value)] = (place, value)
        if isinstance(value, nn.Cell):
            self._add_cell(value)
        elif isinstance(value, (ms.Tensor, np.ndarray)):
            self._add_array(value)
        elif isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, types.MethodType):
            self._add_all("method", (value.__func__, value.__self__))
        elif isinstance(value, (staticmethod, classmethod)):
            self._add_all(_kind(value), (value.__func__,))
        elif isinstance(value, property):
            self._add_all("property", (value.fget,))
        elif isinstance(value, functools.partial):
            self._add_all("partial", (value.func, value.args, value.keywords))
        elif isinstance(value, enum.Enum):
            self._say(f"{_kind(value)}.{value.name}")
        elif isinstance(value, (list, tuple)):
            self._add_all(_kind(value), value)
        elif isinstance(value, (set, frozenset)):
            self._say(f"{_kind(value)} {sorted(map(_digest_of, value))}")
        elif isinstance(value, dict):
            self._add_all(_kind(value), (*value, *value.values()))
        elif isinstance(value, ops.Primitive):
            self._say(f"{_kind(value)} {value.name}")
            self._add_named(vars(value), _OF_PRIMITIVES.fullmatch)
        elif isinstance(value, _PLAIN):
            self._say(f"{_kind(value)} {value!r}")
        elif isinstance(value, (type, np.ufunc, types.BuiltinFunctionType)):
            self._say(f"{_kind(type(value))} {_name(value)}")
        else:
            self._say(_kind(value))

    def _say(self, text: Any) -> None:
        data = str(text).encode()
        self._digest.update(f"{len(data)} ".encode() + data)

    def _add_all(self, kind: str, values: tuple[Any, ...] | list[Any]) -> None:
        self._say(f"{kind} of {len(values)}")
        for value in values:
            self.add(value)

    def _add_named(self, values: Mapping[str, Any], skip: Callable[[str], Any]) -> None:
        for name, value in values.items():
            if not skip(name):
                self._say(name)
                self.add(value)

    def _add_cell(self, cell: nn.Cell) -> None:
        self._say(_kind(cell))
        kinds = type(cell).__mro__
        for kind in kinds:
            if not _is_stock(kind):
                self._add_named(vars(kind), _is_special)
        layer = any(
            _is_stock(kind) and issubclass(kind, nn.Cell) for kind in kinds[: kinds.index(nn.Cell)]
        )
        self._add_named(
            vars(cell),
            lambda name: (
                (name in base_attributes() and name not in CHILDREN)
                or name in _OF_CELLS
                # Of what a layer's Parameters were made: they count as they are.
                or (layer and (name.endswith("_init") or name == "init_tensor"))
            ),
        )

    def _add_array(self, value: Any) -> None:
        if isinstance(value, ms.Tensor):
            self._say(value.dtype)
            value = (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
        self._say(f"{value.dtype} {value.shape}")
        if value.size and not value.dtype.hasobject:
            self._digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)

    def _add_function(self, function: types.FunctionType) -> None:
        self._say(_name(function))
        self._add_code(function.__code__)
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        wrapper = str(function.__globals__.get("__name__")).startswith("mindspore.")
        for held in function.__closure__ or ():
            try:
                content = held.cell_contents
            except ValueError:  # not filled yet
                continue
            if not wrapper or _is_setting(content):
                self.add(content)

    def _add_code(self, code: types.CodeType) -> None:
        self._say(code.co_code.hex())
        self._say(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_code(constant)
            else:
                self.add(constant)


def _digest_of(value: Any) -> str:
    walk = _Walk()
    walk.add(value)
    return walk.hexdigest()


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
