"""Ctrl-C as a KeyboardInterrupt while MindSpore runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fastxai.ops.native import sigterm_was_ours, watch_sigterm

_active = False  # an outer `interruptible` is at work already
_graph_ran = False  # in this process
_SETTLING_S = 0.1  # measured: less than 0.01 on an idle machine


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes Ctrl-C raise KeyboardInterrupt although MindSpore is running.

    MindSpore 2.10 puts its own handler of SIGINT in Python's place, in GRAPH_MODE at every run; it
    ends the process by a SIGTERM from the process to itself. In here that SIGTERM is taken for the
    Ctrl-C it was; one from elsewhere does what it would have done. Needs the native module, which
    can tell the two apart, and the main thread, which alone may handle signals; does nothing
    without them, nor where SIGTERM is ignored.
    """
    global _active
    before = signal.getsignal(signal.SIGTERM)
    main_thread = threading.current_thread() is threading.main_thread()
    if _active or not main_thread or before is None or before is signal.SIG_IGN:
        yield
        return

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        if sigterm_was_ours():
            raise KeyboardInterrupt
        signal.signal(signal.SIGTERM, before)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, on_sigterm)
    _active = watch_sigterm()
    if not _active:
        signal.signal(signal.SIGTERM, before)
    completed = False
    try:
        yield
        completed = True
    finally:
        _active = False
        signal.signal(signal.SIGTERM, before)
        _put_back_sigint(completed)


def _put_back_sigint(completed: bool) -> None:
    """Makes SIGINT Python's again, not MindSpore's.

    The first graph of a process is compiled by threads that each put back, when they end, what they
    had found; they end after the run, in any order, and so the last may put back MindSpore's.

    Args:
        completed: Whether the run came to its end, so that there was a graph.
    """
    global _graph_ran
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is None:
        return
    signal.signal(signal.SIGINT, interrupt)
    mindspore = sys.modules.get("mindspore")
    if _graph_ran or mindspore is None or mindspore.get_context("mode") != mindspore.GRAPH_MODE:
        return
    _graph_ran = completed
    end = time.monotonic() + _SETTLING_S
    while time.monotonic() < end:
        time.sleep(_SETTLING_S / 20)
        signal.signal(signal.SIGINT, interrupt)
