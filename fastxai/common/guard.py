"""The caller's network and Ctrl-C during a run: both work, and are given back as they came."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mindspore import nn

from fastxai.ops.native import sigterm_was_ours, watch_sigterm


@contextmanager
def evaluating(*cells: nn.Cell) -> Iterator[None]:
    """Sets the cells to evaluation mode; puts every flag back, also after an exception.

    Parameter names, `requires_grad`, hooks and the global context are not touched. Ctrl-C raises
    KeyboardInterrupt inside, as `interruptible` says.
    """
    saved = [
        (part, part.training, part.phase) for cell in cells for _, part in cell.cells_and_names()
    ]
    try:
        with interruptible():
            for cell in cells:
                if any(part.training for _, part in cell.cells_and_names()):
                    cell.set_train(False)
            yield
    finally:
        for part, training, phase in saved:
            if part.training != training:
                part.add_flags(training=training)  # this cell alone, unlike set_train
            part.phase = phase


@contextmanager
def interruptible() -> Iterator[None]:
    """Makes Ctrl-C raise KeyboardInterrupt although MindSpore is running.

    MindSpore 2.10 puts its own handler of SIGINT in Python's place, in GRAPH_MODE at every run; it
    ends the process by a SIGTERM from the process to itself. In here that SIGTERM is taken for the
    Ctrl-C it was; one from elsewhere does what it would have done. Needs the native module, and the
    main thread, which alone may handle signals; does nothing without.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        if sigterm_was_ours():
            raise KeyboardInterrupt
        signal.signal(signal.SIGTERM, before)
        os.kill(os.getpid(), signal.SIGTERM)

    if before is None or before is signal.SIG_IGN:  # not Python's, or nothing to turn round
        yield
        return
    signal.signal(signal.SIGTERM, on_sigterm)
    if not watch_sigterm():
        signal.signal(signal.SIGTERM, before)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        interrupt = signal.getsignal(signal.SIGINT)
        if interrupt is not None:
            signal.signal(signal.SIGINT, interrupt)  # Python's handler, not MindSpore's
