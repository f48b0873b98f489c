"""Ctrl-C as a KeyboardInterrupt while MindSpore runs."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fastxai.ops.native import sigterm_was_ours, watch_sigterm

_active = False  # an outer `interruptible` is at work already


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
    try:
        yield
    finally:
        _active = False
        signal.signal(signal.SIGTERM, before)
        interrupt = signal.getsignal(signal.SIGINT)
        if interrupt is not None:
            signal.signal(signal.SIGINT, interrupt)  # Python's handler, not MindSpore's
