"""The caller's network in evaluation mode for a while, then exactly as it came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mindspore import nn

from fastxai.common.interrupt import interruptible


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
