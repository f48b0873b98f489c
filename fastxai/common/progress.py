"""Progress of long runs: a bar, a callable, or nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastxai.visual.cv.display import in_notebook

Progress = bool | Callable[[int, int], Any] | None
_DELAY_S = 3.0  # a bar that nobody asked for shows only if the run takes longer


def check_progress(owner: str, progress: Any) -> None:
    """Refuses anything but None, a bool and a callable.

    Raises:
        TypeError: `progress` is of another kind.
    """
    if progress is not None and not isinstance(progress, bool) and not callable(progress):
        kind = type(progress).__name__
        raise TypeError(f"{owner}: `progress` must be None, a bool or a callable, got {kind}.")


@contextmanager
def reporting(
    progress: Progress, total: int, unit: str, note: Callable[[], str] = str
) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with how many units were done since the last call.

    Args:
        progress: None shows a bar in a terminal or notebook once the run has taken 3 seconds, True
            shows it at once, False never; a callable is called with (done, total) after each batch.
        total: Units of the whole run.
        unit: What is counted, such as 'mask'.
        note: Gives what the bar says behind the figures.

    Yields:
        The function.
    """
    if progress is False or (progress is None and not (sys.stderr.isatty() or in_notebook())):
        yield lambda step: None
        return
    if callable(progress):
        done = 0

        def advance(step: int) -> None:
            nonlocal done
            done += step
            progress(done, total)

        yield advance
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, delay=0 if progress else _DELAY_S, leave=False) as bar:
        shown = ""

        def update(step: int) -> None:
            nonlocal shown
            if note() != shown:
                shown = note()
                bar.set_postfix_str(shown)  # shown at once, also by a bar that is soon done
            bar.update(step)

        yield update
