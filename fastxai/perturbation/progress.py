"""Progress of long runs: a bar, a callable, or nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

Progress = bool | Callable[..., Any] | None
_DELAY_S = 3.0  # a bar that nobody asked for shows only if the run takes longer
_PARTIAL = "partial"  # parameter of a callable that wants one


@dataclass(frozen=True)
class Partial:
    """State of a run before it is done.

    Attributes:
        image: Index of the image that is being explained.
        done: Masks or windows of this image so far.
        saliency: Function without arguments that makes the map of them, (L, H, W) float32. Only
            while the callable that was given this runs.
        correlation: Of a run that stops by itself: the least predicted correlation of its maps
            with the converged ones when it was last looked at; None before that.
    """

    image: int
    done: int
    saliency: Callable[[], np.ndarray]
    correlation: float | None = None


class Reporter:
    """Is told what was done, and tells nobody.

    Args:
        total: Units of the whole run.
    """

    def __init__(self, total: int) -> None:
        self.done = 0
        self.total = total

    def __call__(self, step: int, partial: Partial | None = None) -> None:
        """`step` more units are done."""
        self.done += step
        self._tell(step, partial)

    def drop(self, units: int) -> None:
        """`units` of the total turn out not to be needed."""
        self.total -= units

    def _tell(self, step: int, partial: Partial | None) -> None:
        """Passes it on."""


class _Calling(Reporter):
    """Tells a callable."""

    def __init__(self, total: int, progress: Callable[..., Any]) -> None:
        super().__init__(total)
        self._progress = progress
        self._takes_partial = _has_parameter(progress, _PARTIAL)

    def _tell(self, step: int, partial: Partial | None) -> None:
        if self._takes_partial:
            self._progress(self.done, self.total, partial=partial)
        else:
            self._progress(self.done, self.total)


class _Drawing(Reporter):
    """Moves a bar."""

    def __init__(self, total: int, bar: Any, note: Callable[[], str]) -> None:
        super().__init__(total)
        self._bar = bar
        self._note = note
        self._shown = ""

    def _tell(self, step: int, partial: Partial | None) -> None:
        note = ", ".join(filter(None, (correlation_text(partial), self._note())))
        if note != self._shown:
            self._shown = note
            self._bar.set_postfix_str(self._shown)  # shown at once, also by a bar soon done
        self._bar.total = self.total
        self._bar.update(step)


def correlation_text(partial: Partial | None) -> str:
    """What a bar says of the correlation reached; '' where there is nothing to say."""
    if partial is None or partial.correlation is None:
        return ""
    return f"correlation {partial.correlation:.3f}"


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
) -> Iterator[Reporter]:
    """Gives what to call with how many units were done since the last call.

    Args:
        progress: None shows a bar in a terminal or notebook once the run has taken 3 seconds, True
            shows it at once, False never; a callable is called with (done, total) after each batch,
            and with a `Partial` too, if it has a parameter called `partial`.
        total: Units of the whole run.
        unit: Noun of the counted units, such as 'mask'.
        note: Gives what the bar says behind the figures.

    Yields:
        The function.
    """
    if progress is False or (progress is None and not _has_screen()):
        yield Reporter(total)
        return
    if callable(progress):
        yield _Calling(total, progress)
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit, delay=0 if progress else _DELAY_S, leave=False) as bar:
        yield _Drawing(total, bar, note)


def _has_screen() -> bool:
    from fastxai.visual.cv.display import in_notebook

    return sys.stderr.isatty() or in_notebook()


def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):  # of some functions written in C nothing is known
        return False
