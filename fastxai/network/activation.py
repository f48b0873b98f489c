"""An activation as a Cell, whatever the user gave for it."""

from __future__ import annotations

import ast
import atexit
import functools
import itertools
import linecache
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.scores import check_activation, check_axis, check_rows
from fastxai.network.evaluation import running
from fastxai.network.scores import class_scores
from fastxai.network.structure import SCALARS

Activation: TypeAlias = nn.Cell | Callable[[ms.Tensor], ms.Tensor] | str | None

_KEEPING = (nn.Identity, nn.Sigmoid, nn.Softmax, nn.LogSoftmax)  # as many classes as there were

_counter = itertools.count()


class FunctionCell(nn.Cell):
    """A function of scores as a Cell.

    Args:
        function: Anything that can be called with a Tensor of rows.

    Attributes:
        held: What the function computes with beyond its code, for those who compare activations.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(auto_prefix=False)
        self.function = _compilable(function)
        self.held = _held(function, set())

    def construct(self, scores: ms.Tensor) -> ms.Tensor:
        """Applies the function to rows of scores."""
        return self.function(scores)


def activation_cell(owner: str, activation_fn: Any) -> nn.Cell:
    """The Cell that an activation stands for.

    Args:
        owner: Name for messages.
        activation_fn: None, 'softmax', 'sigmoid', a Cell or another callable.

    Returns:
        A Cell of rows of scores; the same object if such a Cell was given.

    Raises:
        TypeError: It is a class, or of another kind.
        ValueError: It is an unknown word, or a softmax over another axis than the classes.
    """
    check_activation(owner, activation_fn, "nn.Softmax()")
    check_axis(owner, activation_fn, _axis_of(activation_fn))
    if activation_fn is None:
        return nn.Identity()
    if isinstance(activation_fn, str):
        return nn.Softmax() if activation_fn == "softmax" else nn.Sigmoid()
    if isinstance(activation_fn, nn.Softmax2d):  # takes images alone
        return nn.Softmax(axis=1)
    return activation_fn if isinstance(activation_fn, nn.Cell) else FunctionCell(activation_fn)


def check_activated(
    owner: str, activation: nn.Cell, classes: int, classes_before: Callable[[], int]
) -> None:
    """Refuses an activation as `check_rows` does, by two or three calls of it.

    Args:
        owner: Name for messages.
        activation: Of `activation_cell`.
        classes: How many there are after it.
        classes_before: Finds how many there are before it, where that is not the same.

    Raises:
        ValueError: As there.
    """
    known = type(activation) in _KEEPING  # whose axis `activation_cell` has checked
    if known and classes > 1:
        return

    def activate(rows: np.ndarray) -> np.ndarray:
        with running():
            return class_scores(ms.Tensor(rows), activation).astype(ms.float32).asnumpy()

    check_rows(owner, classes if known else classes_before(), activate)


def _axis_of(activation: Any) -> Any:
    """The axis of one of MindSpore's softmaxes; None for anything else."""
    if isinstance(activation, nn.Softmax):
        return activation.softmax.axis
    if isinstance(activation, nn.LogSoftmax):
        return activation.log_softmax.axis
    if isinstance(activation, (ms.ops.Softmax, ms.ops.LogSoftmax)):
        return activation.axis
    return None


def _held(function: Any, seen: set[int]) -> dict[str, Any]:
    """Values that a callable depends on and that `network_digest` does not follow."""
    if id(function) in seen or isinstance(function, (nn.Cell, ms.ops.Primitive, type)):
        return {}
    seen.add(id(function))
    if isinstance(function, functools.partial):
        return _held(function.func, seen)
    if isinstance(function, types.FunctionType):
        return _globals_read(function, seen)
    if isinstance(function, types.MethodType):
        return {
            "of": getattr(function.__self__, "__dict__", {}),
            **_held(function.__func__, seen),
        }
    call = type(function).__call__
    if isinstance(call, types.FunctionType):
        return {"call": call, "state": getattr(function, "__dict__", {}), **_held(call, seen)}
    return {}


def _globals_read(function: types.FunctionType, seen: set[int]) -> dict[str, Any]:
    """Numbers, arrays and functions among the globals that a function reads."""
    if (function.__module__ or "").partition(".")[0] == "mindspore":
        return {}
    found: dict[str, Any] = {}
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, types.FunctionType):
            found[name] = (value, _held(value, seen))
        elif value is not None and isinstance(value, (*SCALARS, ms.Tensor, np.ndarray)):
            found[name] = value
    return found


def _compilable(function: Any) -> Any:
    """A lambda as a function with a source of its own: GRAPH_MODE reads no other lambda's."""
    if not isinstance(function, types.FunctionType) or function.__name__ != "<lambda>":
        return function
    node = _lambda_of(function.__code__)
    if node is None:  # typed at a prompt: PYNATIVE_MODE needs no source
        return function
    free = function.__code__.co_freevars
    node.args.args, node.args.posonlyargs = node.args.posonlyargs + node.args.args, []
    inner = ast.FunctionDef("activation", node.args, [ast.Return(node.body)], [])
    outer = ast.FunctionDef("_", _arguments(free), [inner], [])
    text = ast.unparse(ast.fix_missing_locations(ast.Module([outer], []))) + "\n"
    path = Path(_folder(), f"activation_{next(_counter)}.py")
    path.write_text(text, encoding="utf-8")
    code: Any = compile(text, str(path), "exec")
    for _ in range(2):
        code = next(part for part in code.co_consts if isinstance(part, types.CodeType))
    cells = dict(zip(free, function.__closure__ or (), strict=True))
    made = types.FunctionType(
        code,
        function.__globals__,
        "activation",
        function.__defaults__,
        tuple(cells[variable] for variable in code.co_freevars),
    )
    made.__kwdefaults__ = function.__kwdefaults__
    made.__module__ = function.__module__
    return made


@functools.cache
def _folder() -> str:
    """Folder in which MindSpore finds the sources, until the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fastxai-")
    atexit.register(folder.cleanup)
    return folder.name


def _arguments(names: tuple[str, ...]) -> ast.arguments:
    return ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])


def _lambda_of(code: types.CodeType) -> ast.Lambda | None:
    """The lambda in its file that a code was compiled from; None without a source."""
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        return None
    spans = set(code.co_positions())  # the last instruction's is that of the whole body
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            body = node.body
            span = (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset)
            if span in spans and node.lineno == code.co_firstlineno:
                return node
    return None


class OfArrays:
    """An activation of MindSpore as a function of arrays.

    Args:
        cell: Of rows of scores.
    """

    def __init__(self, cell: nn.Cell) -> None:
        self._cell = cell
        self.identity = f"{type(cell).__name__} {cell}"

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Values of rows (., classes) float32."""
        return self._cell(ms.Tensor(rows)).asnumpy()
