"""Forked processes: they have one thread, no pools, and cannot go on with MindSpore."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")
_THREADS_OF_MINDSPORE = ("ActorThread", "KernelThread", "backend_queue", "frontend_queue")

_runs_at_fork = False  # MindSpore, in the process that is about to fork
_had_run = False  # MindSpore, in a process that this one was forked from
_is_fork = False


def watch() -> None:
    """Has the interpreter tell of every fork; called once, when fastxai is imported."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_before, after_in_child=_in_child)


def is_fork() -> bool:
    """Whether this process was forked from one that had imported fastxai."""
    return _is_fork


def check_process(owner: str) -> None:
    """Refuses a process in which MindSpore would wait for ever.

    Args:
        owner: Who is to run it, for messages.

    Raises:
        RuntimeError: This process was forked after MindSpore had run: its threads are gone.
    """
    if _had_run:
        raise RuntimeError(
            f"{owner}: this process was forked from one in which MindSpore had run, and MindSpore "
            "does not survive that. Call multiprocessing.set_start_method('spawn') before you "
            "start processes, or use multiprocessing.get_context('spawn')."
        )


def _mindspore_runs() -> bool:
    """Whether MindSpore has run in this process: its first operator starts threads."""
    names = []
    for task in _TASKS.iterdir() if _TASKS.is_dir() else ():
        with suppress(OSError):  # a thread that has just ended
            names.append((task / "comm").read_text())
    return any(name.startswith(_THREADS_OF_MINDSPORE) for name in names)


def _before() -> None:
    global _runs_at_fork
    _runs_at_fork = _mindspore_runs()


def _in_child() -> None:
    global _is_fork, _had_run
    _is_fork, _had_run = True, _had_run or _runs_at_fork
