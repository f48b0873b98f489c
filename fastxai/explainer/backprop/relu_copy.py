"""A copy of a network in which ReLUs have a backward pass of their own.

What it does not reach is seen when it runs: `executed_relus`.
"""

from __future__ import annotations

import types
from typing import Any

from mindspore import nn, ops

from fastxai.explainer.backprop.relu_calls import ReLUCalls, code_names
from fastxai.network.cell_copy import CellCopier


class ReLUCopy:
    """Makes the copy.

    Replaced are the primitives `ops.ReLU` and `ops.ReLU6` held by a Cell or in its lists, tuples
    and dicts (`nn.ReLU` and `nn.ReLU6` hold one), and the functions `ops.relu`, `ops.relu6` and
    those of `mint`, held likewise or called in a method or in a function that a method calls.

    Args:
        network: The caller's network.
        rules: What stands for a ReLU, by the primitive's name.

    Attributes:
        network: The copy.
        rules: As given.
        importable: Context in which the copy must run.
    """

    def __init__(self, network: nn.Cell, rules: dict[str, nn.Cell]) -> None:
        self.rules = rules
        self._calls = ReLUCalls(rules)
        self._copies: list[nn.Cell] = []
        self.network = CellCopier(self._substitute, self._keep).copy(network)
        self._rewrite_methods()
        self.importable = self._calls.importable

    def _keep(self, cell: nn.Cell, copy: nn.Cell) -> nn.Cell:
        self._copies.append(copy)
        return copy

    def _substitute(self, value: Any) -> Any:
        new: Any = None
        if isinstance(value, ops.ReLU):
            new = self.rules["ReLU"]
        elif isinstance(value, ops.ReLU6):
            new = self.rules["ReLU6"]
        elif isinstance(value, types.FunctionType):
            new = self._calls.replacement(value)
        return value if new is None else new

    def _rewrite_methods(self) -> None:
        """Gives the cells their own versions of the methods that run and call ReLU functions."""
        used = _used_names({type(copy) for copy in self._copies})
        for copy in self._copies:
            for name, (active, *_) in _methods(type(copy)).items():
                new = self._calls.rewrite(active) if name in used else None
                if new is not None:
                    vars(copy)[name] = types.MethodType(new, copy)


def _methods(kind: type) -> dict[str, list[types.FunctionType]]:
    """Methods that a class of cells and its bases below nn.Cell define, the active one first."""
    found: dict[str, list[types.FunctionType]] = {}
    for base in kind.__mro__[: kind.__mro__.index(nn.Cell)]:
        for name, value in vars(base).items():
            if isinstance(value, types.FunctionType) and name != "__init__":
                found.setdefault(name, []).append(value)
    return found


def _used_names(kinds: set[type]) -> set[str]:
    """Names used by `construct` and by every method whose name is used."""
    methods = [item for kind in kinds for item in _methods(kind).items()]
    used: set[str] = set()
    more = {"construct"}
    while more - used:
        used |= more
        more = {
            word
            for name, functions in methods
            if name in used
            for function in functions
            for word in code_names(function.__code__)
        }
    return used
