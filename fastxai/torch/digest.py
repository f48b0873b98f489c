"""Digest of a PyTorch network's computation, comparable between processes."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import types
from typing import Any

import numpy as np
import torch
from torch import nn

from fastxai.perturbation.explainer import array_digest

_SCALARS = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.Size)
_ARRAYS = (torch.Tensor, np.ndarray)
_STOCK = ("torch", "builtins", "abc", "typing", "functools", "collections", "numpy")
_OF_MODULES = frozenset(vars(nn.Module()))
_CONTAINERS = (list, tuple, set, frozenset, dict)
# The globals that count where code reads them; modules, classes and other objects do not.
_READ = (*_SCALARS, *_ARRAYS, *_CONTAINERS, nn.Module, types.FunctionType, functools.partial)


def network_digest(*parts: Any) -> str:
    """SHA-256 of modules and functions: classes, settings, code of their own, weights, buffers.

    The device is left out, and so is whether a module is trained: scores are those of evaluation.

    Args:
        *parts: Modules, and functions such as an activation.
    """
    walk = _Walk()
    for part in parts:
        walk.add(part)
    return walk.hexdigest()


class _Walk:
    """Tells a hash of everything that is reached."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: dict[int, tuple[int, Any]] = {}  # in order; kept, so that no id comes twice

    def hexdigest(self) -> str:
        """Digest of everything that was added."""
        return self._hash.hexdigest()

    def _say(self, value: Any) -> None:
        self._hash.update(f"{value}\n".encode())

    def add(self, value: Any) -> None:
        """Any value; an object that was seen counts by the order in which it came first."""
        if isinstance(value, _SCALARS):
            self._say(repr(value))
            return
        if id(value) in self._seen:
            self._say(self._seen[id(value)][0])
            return
        self._seen[id(value)] = len(self._seen), value
        if isinstance(value, np.ndarray):
            self._say(array_digest(value))
        elif isinstance(value, torch.Tensor):
            self._add_tensor(value)
        elif isinstance(value, nn.Module):
            self._add_module(value)
        elif isinstance(value, _CONTAINERS):
            self._add_container(value)
        else:
            self._add_callable(value)

    def _add_tensor(self, tensor: torch.Tensor) -> None:
        self._say(f"{tensor.dtype} {tuple(tensor.shape)}")
        if tensor.numel():
            flat = tensor.detach().cpu().contiguous().flatten()
            self._hash.update(flat.view(torch.uint8).numpy().data)

    def _add_module(self, module: nn.Module) -> None:
        self._add_kind(type(module))
        for group in (module.named_parameters, module.named_buffers):
            self._add_container(dict(group(recurse=False)))
        self._add_container(dict(module.named_children()))
        if isinstance(module, torch.jit.ScriptModule):
            self._say(module.graph)
            return
        self._say(module.extra_repr())
        self._add_container([*module._forward_hooks.values(), *module._forward_pre_hooks.values()])
        own = {name: held for name, held in vars(module).items() if name not in _OF_MODULES}
        self._add_container(own)

    def _add_container(self, held: Any) -> None:
        self._say(f"{type(held).__name__} of {len(held)}")
        if isinstance(held, dict):
            held = [item for pair in held.items() for item in pair]
        for item in sorted(held, key=repr) if isinstance(held, (set, frozenset)) else held:
            self.add(item)

    def _add_callable(self, value: Any) -> None:
        if isinstance(value, types.FunctionType):
            self._add_function(value)
        elif isinstance(value, types.MethodType):
            self._add_container([value.__self__, value.__func__])
        elif isinstance(value, functools.partial):
            self._add_container([value.func, value.args, value.keywords])
        else:
            self._add_kind(value if isinstance(value, type) else type(value))
            self._say(getattr(value, "__name__", ""))
            if not isinstance(value, (type, types.ModuleType)):
                self._add_container(_attributes(value))

    def _add_function(self, function: types.FunctionType) -> None:
        self._say(function.__qualname__)
        if function.__module__.partition(".")[0] == "torch":
            return
        self._add_code(function.__code__)
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # not filled yet
                self.add(cell.cell_contents)
        for name in function.__code__.co_names:
            read = function.__globals__.get(name)
            if isinstance(read, _READ):
                self.add(read)

    def _add_kind(self, kind: type) -> None:
        """A class by its name; where it is not PyTorch's, by the code of its methods too."""
        self._say(f"{kind.__module__}.{kind.__qualname__}")
        for base in kind.__mro__:
            if base.__module__.partition(".")[0] not in _STOCK:
                self._add_container(
                    {n: f for n, f in vars(base).items() if isinstance(f, types.FunctionType)}
                )

    def _add_code(self, code: types.CodeType) -> None:
        self._say(code.co_code.hex())
        self._say(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._add_code(constant)
            elif isinstance(constant, frozenset):
                self._say(sorted(map(repr, constant)))
            else:
                self._say(repr(constant))


def _attributes(value: Any) -> dict[str, Any]:
    """Attributes of an object, in its dictionary and in slots."""
    slots = [name for kind in type(value).__mro__ for name in _slots_of(kind)]
    held = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    return {**held, **getattr(value, "__dict__", {})}


def _slots_of(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
