"""Digest of a network that is the same in another process, for a file to say what it is of."""

from __future__ import annotations

import functools
import hashlib
import re
import types
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from fastxai.common.shadow import CHILDREN, SCALARS, base_attributes

_PLAIN = (*SCALARS, complex, range, slice, np.generic, np.dtype)
_SEED = re.compile(r"Seed[01]=-?\d+")  # of a layer that only trains; numbered through a process


def network_digest(cells: Sequence[nn.Cell]) -> str:
    """SHA-256 of what cells compute: their kinds, code, attributes, layers and weights.

    It is followed through cells, lists, dicts and functions. Names of Parameters do not count, nor
    do hooks, what other Python objects hold, and the globals that code reads.
    """
    walk = _Walk()
    for cell in cells:
        walk.add(cell)
    return walk.hexdigest()


class _Walk:
    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._seen: dict[int, int] = {}  # place by id

    def hexdigest(self) -> str:
        """Of everything that was added."""
        return self._digest.hexdigest()

    def add(self, value: Any) -> None:
        """Adds a value and all that it consists of."""
        if isinstance(value, (nn.Cell, ms.Tensor, np.ndarray, types.FunctionType)):
            place = self._seen.get(id(value))
            self._say("new" if place is None else place)
            if place is not None:
                return
            self._seen[id(value)] = len(self._seen)
        if isinstance(value, nn.Cell):
            self._add_cell(value)
        elif isinstance(value, (ms.Tensor, np.ndarray)):
            self._add_array(value)
        elif isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, types.MethodType):
            self._add_all("method", [value.__func__, value.__self__])
        elif isinstance(value, functools.partial):
            self._add_all("partial", [value.func, value.args, value.keywords])
        elif isinstance(value, (list, tuple)):
            self._add_all(_kind(value), value)
        elif isinstance(value, dict):
            self._add_all(_kind(value), [*value, *value.values()])
        elif isinstance(value, ops.Primitive):
            self._say(_SEED.sub("", repr(value)))  # 'Prim[Softmax]<axis=(-1,)>'
        elif isinstance(value, (_PLAIN, type(ms.float32))):
            self._say(f"{_kind(value)} {value!r}")
        else:
            self._say(_kind(value))

    def _say(self, text: Any) -> None:
        data = str(text).encode()
        self._digest.update(f"{len(data)} ".encode() + data)

    def _add_all(self, kind: str, values: Sequence[Any]) -> None:
        self._say(f"{kind} of {len(values)}")
        for value in values:
            self.add(value)

    def _add_cell(self, cell: nn.Cell) -> None:
        self._say(_kind(cell))
        for owner in type(cell).__mro__:
            if not _is_stock(owner):
                functions = {n: f for n, f in vars(owner).items() if not n.startswith("__")}
                self._add_all(owner.__qualname__, [functions])
        for name, value in vars(cell).items():
            if name in base_attributes() and name not in CHILDREN or name == "_cell_init_args":
                continue  # the framework's own, and what a constructor got, with its addresses
            if _is_stock(type(cell)) and (name.endswith("_init") or type(value) is ms.Tensor):
                continue  # of what its Parameters were made; they count as they are
            self._say(name)
            self.add(value)

    def _add_array(self, value: Any) -> None:
        if isinstance(value, ms.Tensor):
            self._say(value.dtype)
            value = (value.astype(ms.float32) if value.dtype == ms.bfloat16 else value).asnumpy()
        self._say(f"{value.dtype} {value.shape}")
        if not value.dtype.hasobject:
            self._digest.update(np.ascontiguousarray(value).data)

    def _add_function(self, function: types.FunctionType) -> None:
        self._say(f"{function.__module__}.{function.__qualname__}")
        self._add_code(function.__code__)
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        wrapper = str(function.__globals__.get("__name__")).startswith("mindspore.")
        for held in function.__closure__ or ():
            try:
                content = held.cell_contents
            except ValueError:  # not filled yet
                continue
            # `ms.jit` holds the function beside numbers of this process.
            if isinstance(content, types.FunctionType) or not wrapper:
                self.add(content)

    def _add_code(self, code: types.CodeType) -> None:
        self._say(code.co_code.hex())
        self._say(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_code(constant)
            elif isinstance(constant, frozenset):  # whose order differs between processes
                self._say(sorted(map(repr, constant)))
            else:
                self._say(repr(constant))


def _kind(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_stock(kind: type) -> bool:
    """Whether a class is MindSpore's own, or Python's."""
    return kind.__module__.split(".")[0] in ("mindspore", "builtins", "pybind11_builtins")
