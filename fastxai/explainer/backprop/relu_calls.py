"""Calls of `ops.relu` in the source of a network, given another backward pass.

`ops.relu(x)` inside `construct` is looked up in the globals of the module it was written in. A
method of the copy can be given a copy of those globals in which the name stands for something
else, while the caller's modules stay untouched. PYNATIVE_MODE reads the globals of the function,
GRAPH_MODE those of the module it names: the copies are modules, importable while the network runs.
"""

from __future__ import annotations

import itertools
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mindspore import mint, nn, ops
from mindspore.ops import auto_generate

_FUNCTIONS = {
    ops.relu: "ReLU",
    auto_generate.relu: "ReLU",
    mint.nn.functional.relu: "ReLU",
    ops.relu6: "ReLU6",
    mint.nn.functional.relu6: "ReLU6",
}
_counter = itertools.count()


class ReLUCalls:
    """Makes versions of functions in which ReLU functions are replaced.

    Args:
        rules: What stands for a ReLU, by the primitive's name.
    """

    def __init__(self, rules: dict[str, nn.Cell]) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._rewritten: dict[types.FunctionType, types.FunctionType | None] = {}
        self._rules = {
            name: self._with_globals(_call_rule, {"RULE": rule}) for name, rule in rules.items()
        }

    def replacement(self, function: types.FunctionType) -> types.FunctionType | None:
        """The substitute for a function found in a network; None where nothing changes."""
        if function in _FUNCTIONS:
            return self._rules[_FUNCTIONS[function]]
        return None if _of_mindspore(function) else self.rewrite(function)

    def rewrite(self, function: types.FunctionType) -> types.FunctionType | None:
        """A function whose calls of ReLU functions are replaced; None if it has none."""
        if function not in self._rewritten:
            self._rewritten[function] = None  # what a recursion finds
            changed = self._changed(function.__globals__, code_names(function.__code__), ())
            if changed:
                space = {**function.__globals__, **changed}
                self._rewritten[function] = self._with_globals(function, space)
        return self._rewritten[function]

    @contextmanager
    def importable(self) -> Iterator[None]:
        """For the time in which the network runs: GRAPH_MODE imports a function's module."""
        sys.modules.update(self._modules)
        try:
            yield
        finally:
            for name in self._modules:
                sys.modules.pop(name, None)

    def _changed(
        self,
        space: dict[str, Any],
        names: frozenset[str],
        inside: tuple[types.ModuleType, ...],
    ) -> dict[str, Any]:
        """Names that must differ in a namespace, of those that are used, and their values."""
        changed: dict[str, Any] = {}
        for name in names & space.keys():
            value = space[name]
            new: Any = None
            if isinstance(value, types.ModuleType) and value not in inside:
                parts = self._changed(vars(value), names, (*inside, value))
                new = self._new_module({**vars(value), **parts}) if parts else None
            elif isinstance(value, types.FunctionType):
                new = self.replacement(value)
            if new is not None:
                changed[name] = new
        return changed

    def _new_module(self, space: dict[str, Any]) -> types.ModuleType:
        module = types.ModuleType(f"_fastxai_relu_calls_{next(_counter)}")
        vars(module).update({**space, "__name__": module.__name__})
        self._modules[module.__name__] = module
        return module

    def _with_globals(self, function: Any, space: dict[str, Any]) -> types.FunctionType:
        module = self._new_module(space)
        copy = types.FunctionType(
            function.__code__,
            vars(module),
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        vars(copy).update(vars(function))
        copy.__qualname__ = function.__qualname__
        copy.__module__ = module.__name__
        return copy


def code_names(code: types.CodeType) -> frozenset[str]:
    """Names of globals and attributes that a function and those inside it use."""
    inner = (code_names(part) for part in code.co_consts if isinstance(part, types.CodeType))
    return frozenset(code.co_names).union(*inner)


def _call_rule(input: Any, inplace: bool = False) -> Any:  # the signature of ops.relu
    if inplace:  # a rule keeps its input for the way back
        return input.copy_(RULE(input * 1))  # type: ignore[name-defined]  # noqa: F821
    return RULE(input)  # type: ignore[name-defined]  # noqa: F821


def _of_mindspore(function: types.FunctionType) -> bool:
    return (function.__module__ or "").partition(".")[0] == "mindspore"
