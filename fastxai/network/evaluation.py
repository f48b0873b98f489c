"""The caller's network in evaluation mode for a while, and MindSpore for one thread at a time.

MindSpore runs nothing in two threads at once: on 2.10 that gives wrong values, errors of its own or
the end of the process. Every run of it in this package is inside `running`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mindspore import Parameter, nn
from mindspore._c_expression import PyNativeExecutor_

from fastxai.network.interrupt import interruptible
from fastxai.system.call_lock import CallLock, one_at_a_time
from fastxai.system.forks import check_process
from fastxai.system.temporary_state import TemporaryState, warn_of_training

_mindspore = CallLock("MindSpore")


def _put_back(cell: nn.Cell, before: tuple[bool, str]) -> None:
    training, phase = before
    if training and not cell.training:  # else somebody has set it since
        cell.add_flags(training=True)  # this cell alone, unlike set_train
    if cell.phase != phase:
        cell.phase = phase


def _lapsed(cell: nn.Cell, before: tuple[bool, str]) -> tuple[bool, str] | None:
    if not cell.training:
        return None
    cell.add_flags(training=False)
    return True, before[1]


_evaluated = TemporaryState(_mindspore, lambda cell: (cell.training, cell.phase), _put_back)
_renamed = TemporaryState(
    _mindspore,
    lambda parameter: parameter.name,
    lambda parameter, name: setattr(parameter, "name", name),
)


@contextmanager
def evaluating(*cells: nn.Cell) -> Iterator[None]:
    """Sets the cells to evaluation mode; puts every flag back, also after an exception.

    It may be nested, and be entered by several threads for networks that have cells in common: the
    last one out puts the flags back. Parameter names, `requires_grad`, hooks and the global context
    are not touched. Ctrl-C raises KeyboardInterrupt inside, as `interruptible` says.
    """
    parts = _parts(cells)

    def evaluate() -> None:
        if any(part.training for part in parts):
            for cell in cells:
                cell.set_train(False)

    with interruptible(), _evaluated.applied(parts, evaluate):
        yield


@contextmanager
def renamed(names: Iterable[tuple[Parameter, str]]) -> Iterator[None]:
    """Gives Parameters other names; the last one out gives the old ones back, as `evaluating`."""
    pairs = list(names)

    def rename() -> None:
        for parameter, name in pairs:
            parameter.name = name

    with _renamed.applied([parameter for parameter, _ in pairs], rename):
        yield


@contextmanager
def running(owner: str = "fastxai") -> Iterator[None]:
    """MindSpore runs in here, for this thread alone; other threads wait.

    Args:
        owner: Who runs it, for messages.

    Raises:
        RuntimeError: MindSpore cannot run in this process, see `check_process`.

    Warns:
        RuntimeWarning: Another thread has put a network that is explained into training mode while
            it ran.
    """
    check_process(owner)
    with _mindspore.acquired():
        _evaluated.reapply(_lapsed)
        yield
        if _evaluated.reapply(_lapsed):
            warn_of_training()


@contextmanager
def differentiating() -> Iterator[None]:
    """MindSpore takes gradients in here; after an exception it drops the pass that it had begun.

    In PYNATIVE_MODE it would take the next pass for a part of that one and record second
    derivatives, which fails for some operators, LayerNorm among them.
    """
    try:
        yield
    except BaseException:
        PyNativeExecutor_.get_instance().clear_res()
        raise


@contextmanager
def _ready(owner: str) -> Iterator[None]:
    check_process(owner)
    with interruptible():
        yield


one_call_at_a_time = one_at_a_time(_ready)


def _parts(cells: Iterable[nn.Cell]) -> list[nn.Cell]:
    """The cells and all below them, each once; `cells_and_names` takes five times as long."""
    found: dict[int, nn.Cell] = {}
    left = list(cells)
    while left:
        cell = left.pop()
        if cell is not None and id(cell) not in found:
            found[id(cell)] = cell
            left.extend(cell._cells.values())
    return list(found.values())
