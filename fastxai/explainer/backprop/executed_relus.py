"""ReLUs that a pass executes, however the network reaches them.

PYNATIVE_MODE calls every ReLU through its primitive's class: while `rules_at_every_relu` is entered
the rule takes its place. GRAPH_MODE compiles what it finds: `relus_in_graphs` reads the graph.
"""

from __future__ import annotations

import functools
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mindspore as ms
from mindspore import nn
from mindspore.ops import auto_generate
from mindspore.ops.operations import nn_ops

from fastxai.explainer.backprop.relu_rules import is_of_a_rule

try:  # from 2.9 on, which warns of the other name on standard error
    from mindspore.graph.api import _cell_graph_executor, _JitExecutor
except ImportError:
    from mindspore.common.api import _cell_graph_executor, _JitExecutor

_FORWARD = frozenset(("ReLU", "ReLU6", "ReLUV3", "InplaceReLU"))
_BACKWARD = frozenset(("ReluGrad", "ReluGradV2", "ReLU6Grad"))
_NETWORK = "network-"  # what BackwardPass calls it, in the names of a graph's nodes


@dataclass
class Executed:
    """ReLUs executed while `rules_at_every_relu` was entered.

    Attributes:
        rules: What stands for a ReLU, by the primitive's name.
        count: ReLUs executed.
        compiled: Those of them that functions of MindSpore's compiled, as ops.vmap does, so that no
            rule took their place.
    """

    rules: dict[str, nn.Cell]
    count: int = 0
    compiled: int = 0


class _Active(threading.local):
    """State of each thread: other threads' ReLUs stay as they are."""

    executed: Executed | None = None


_active = _Active()
_lock = threading.Lock()
_entered = 0  # how often, in all threads
_originals: list[tuple[Any, str, Any]] = []
_INHERITED = object()


@contextmanager
def rules_at_every_relu(rules: dict[str, nn.Cell]) -> Iterator[Executed]:
    """Within it, a ReLU that this thread executes in PYNATIVE_MODE is its rule.

    Functions under `ms.jit` run uncompiled, so that theirs are too; those of MindSpore's do not.

    Args:
        rules: What stands for a ReLU, by the primitive's name.

    Yields:
        The count of ReLUs executed so far.
    """
    outer, executed = _active.executed, Executed(rules)
    _exchange_calls()
    _active.executed = executed
    try:
        yield executed
    finally:
        _active.executed = outer
        _put_calls_back()


def _exchange_calls() -> None:
    global _entered
    with _lock:
        if _entered == 0:
            for holder, name, change in _calls():
                _originals.append((holder, name, vars(holder).get(name, _INHERITED)))
                setattr(holder, name, _while_active(getattr(holder, name), change))
        _entered += 1


def _put_calls_back() -> None:
    global _entered
    with _lock:
        _entered -= 1
        while _entered == 0 and _originals:
            holder, name, original = _originals.pop()
            if original is _INHERITED:
                delattr(holder, name)
            else:
                setattr(holder, name, original)


def _while_active(original: Any, change: Callable[..., Any]) -> Callable[..., Any]:
    """In threads that have entered `rules_at_every_relu` `change`, told of the original first."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _active.executed is None:
            return original(*args, **kwargs)
        return change(original, *args, **kwargs)

    return call


def _calls() -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Through what ReLUs are executed, and compiled by `ms.jit`: holder, name, what stands there.

    MindSpore has moved some of it from version to version.
    """
    relus = (
        (auto_generate, "ReLU", _relu),
        (auto_generate, "ReLU6", _relu6),
        (auto_generate, "InplaceReLU", _relu_in_place),
        (nn_ops, "ReLUV3", _relu),
    )
    for module, name, change in relus:
        if hasattr(module, name):
            yield getattr(module, name), "__call__", change
    yield _JitExecutor, "__call__", _jitted
    for module in _modules("graph.jit_trace", "common.jit_trace"):  # jit(capture_mode="trace")
        yield module, "_jit_trace_begin", lambda *_, **__: True
        yield module, "_jit_trace_end", lambda _, output, **__: output
    for module in _modules("graph._utils.pijit_context", "common._pijit_context"):  # "bytecode"
        for name in ("__enter__", "__exit__"):
            yield module.PIJitCaptureContext, name, lambda *_: None


def _modules(*names: str) -> list[Any]:
    full = [f"mindspore.{name}" for name in names]
    return [sys.modules[name] for name in full if name in sys.modules]


def _through_rule(kind: str, original: Any, primitive: Any, *args: Any, **kwargs: Any) -> Any:
    executed = _active.executed
    assert executed is not None
    executed.count += 1
    if is_of_a_rule(primitive):
        return original(primitive, *args, **kwargs)
    return executed.rules[kind](*args, **kwargs)


def _jitted(original: Any, executor: Any, *args: Any, **kwargs: Any) -> Any:
    if not executor.fn.__module__.startswith("mindspore."):
        return executor.fn(*args, **kwargs)
    executed = _active.executed
    assert executed is not None
    # MindSpore's own, as ops.vmap is, would compile itself again and again.
    compiled, compiling = list[str](), executor.compile

    def note(*args: Any, **kwargs: Any) -> str:
        compiled.append(compiling(*args, **kwargs))
        return compiled[-1]

    executor.compile = note
    try:
        output = original(executor, *args, **kwargs)
    finally:
        del executor.compile
    for phase in compiled:
        relus = [1 for kind, _ in _nodes(executor, executor, phase) if kind in _FORWARD]
        executed.count += len(relus)
        executed.compiled += len(relus)
    return output


_relu = functools.partial(_through_rule, "ReLU")
_relu6 = functools.partial(_through_rule, "ReLU6")


def _relu_in_place(original: Any, primitive: Any, x: ms.Tensor) -> Any:
    return x.copy_(_relu(original, primitive, x * 1))  # a rule keeps its input for the way back


def relus_in_graphs(backward_pass: nn.Cell, phases: Iterable[str]) -> tuple[bool, list[str]]:
    """Findings in the graphs that GRAPH_MODE compiled for a pass.

    Args:
        backward_pass: A BackwardPass.
        phases: Of its `compile_cache`.

    Returns:
        Whether a ReLU is executed; where ReLUs keep their own gradient, one item for each.
    """
    found, plain = False, list[str]()
    for phase in phases:
        for operator, scope in _nodes(_cell_graph_executor, backward_pass, phase):
            found = found or operator in _FORWARD
            if operator in _BACKWARD:
                plain.append(_place(scope))
    return found, plain


def _nodes(executor: Any, compiled: Any, phase: str) -> Iterator[tuple[str, str]]:
    """Operators of a compiled graph, and where they come from."""
    from mindspore.train.mind_ir_pb2 import ModelProto

    model = ModelProto()
    model.ParseFromString(executor._get_func_graph_proto(compiled, phase, "mind_ir"))
    for graph in (model.graph, *model.functions):
        for node in graph.node:
            yield node.op_type.removeprefix("REF::").partition(":")[0], node.domain


def _place(scope: str) -> str:
    """'layers.0 (Block)' from '.../network-Net/layers-SequentialCell/0-Block/Grad_ReLU/...'."""
    cells = scope.partition(_NETWORK)[2].split("/")
    cells = [cells[0], *(part for part in cells[1:-1] if re.match(r"\w+-\w+$", part))]
    names = [part.partition("-")[0] for part in cells[1:]]
    kind = cells[-1].rpartition("-")[2]
    if not kind:
        return "a place that MindSpore does not name"
    return f"'{'.'.join(names)}' ({kind})" if names else f"{kind} itself"


def in_pynative_mode() -> bool:
    """Whether networks run without being compiled."""
    return bool(ms.get_context("mode") == ms.PYNATIVE_MODE)
