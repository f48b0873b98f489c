"""How many threads score by one engine at a time, each a batch of its own.

A pass through a small network gains little from a second core: two passes side by side, a core
each, take less time than one after the other on both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fastxai.ops.native import default_threads, set_num_threads, thread_limit

_callers = 1


def callers() -> int:
    """Threads that an engine made now serves at a time."""
    return _callers


@contextmanager
def several(number: int, threads: int) -> Iterator[None]:
    """Engines that are made in here serve several threads at a time.

    Args:
        number: How many.
        threads: Threads of the engine, and of the native kernels, for each of them.
    """
    global _callers
    before = _callers, thread_limit()
    _callers = number
    set_num_threads(threads)
    try:
        yield
    finally:
        _callers = before[0]
        set_num_threads(before[1])


def cores() -> int:
    """Cores that this process may use: what it was limited to, else all that it has."""
    return thread_limit() or default_threads() or len(os.sched_getaffinity(0))
