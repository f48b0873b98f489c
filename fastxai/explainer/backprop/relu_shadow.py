"""The shadow of a network in which ReLUs have a backward pass of their own."""

from __future__ import annotations

import types
from typing import Any

from mindspore import mint, nn, ops

from fastxai.common.shadow import Shadow
from fastxai.explainer.backprop.relu_calls import ReLUCalls, code_names

_RELU_CELLS = (nn.ReLU, nn.ReLU6, mint.nn.ReLU, mint.nn.ReLU6)


class ReLUShadow:
    """Builds it, and says what it could not reach.

    Replaced are the primitives `ops.ReLU` and `ops.ReLU6` held by a Cell or in its lists, tuples
    and dicts (`nn.ReLU` and `nn.ReLU6` hold one), and the functions `ops.relu`, `ops.relu6` and
    those of `mint`, held likewise or called in a method or in a function that a method calls.

    Args:
        network: The caller's network.
        rules: What stands for a ReLU, by the primitive's name.

    Attributes:
        network: The shadow.
        replaced: Places at which something was replaced.
        importable: Context in which the shadow must run.
        out_of_reach: Functions that name a ReLU which was not replaced.
    """

    def __init__(self, network: nn.Cell, rules: dict[str, nn.Cell]) -> None:
        self.replaced = 0
        self._rules = rules
        self._calls = ReLUCalls(rules)
        self._copies: list[nn.Cell] = []
        self.network = Shadow(self._substitute, self._keep).of(network)
        overridden = self._rewrite_methods()
        self.importable = self._calls.importable
        self.out_of_reach = sorted(overridden | self._unreplaced())

    def _keep(self, cell: nn.Cell, copy: nn.Cell) -> nn.Cell:
        self._copies.append(copy)
        return copy

    def _substitute(self, value: Any) -> Any:
        new: Any = None
        if isinstance(value, ops.ReLU):
            new = self._rules["ReLU"]
        elif isinstance(value, ops.ReLU6):
            new = self._rules["ReLU6"]
        elif isinstance(value, types.FunctionType):
            new = self._calls.replacement(value)
        self.replaced += new is not None
        return value if new is None else new

    def _rewrite_methods(self) -> set[str]:
        """Gives the cells their own versions of the methods that run and call ReLU functions.

        Returns:
            Methods that do so too but are reached only by `super()`, which nothing can redirect.
        """
        used = _used_names({type(copy) for copy in self._copies})
        overridden: set[str] = set()
        for copy in self._copies:
            for name, (active, *others) in _methods(type(copy)).items():
                if name not in used:
                    continue
                new = self._calls.rewrite(active)
                if new is not None:
                    vars(copy)[name] = types.MethodType(new, copy)
                    self.replaced += 1
                if "super" in code_names(active.__code__):
                    overridden.update(m.__qualname__ for m in others if self._calls.rewrite(m))
        return overridden

    def _unreplaced(self) -> set[str]:
        """Functions with a name such as 'relu' that was not replaced and is no attribute."""
        attributes = {
            name
            for copy in self._copies
            if not isinstance(copy, _RELU_CELLS)  # their own parts have such names
            for name in (*vars(copy), *copy._cells)
        }
        return {
            function
            for name, functions in self._calls.left.items()
            if name not in attributes
            for function in functions
        }


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
