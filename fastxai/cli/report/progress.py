"""Progress bar of an explanation, and its speed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tqdm import tqdm

from fastxai.perturbation.progress import Partial, correlation_text

PASSES = "passes"


@dataclass(frozen=True)
class Work:
    """Work of an explainer.

    Attributes:
        steps: How many.
        unit: What a step is, in the plural.
        seconds: How long they took together, in this run.
        goes_on: Some of the steps were made by an earlier run, so there is no speed to tell.
    """

    steps: int
    unit: str
    seconds: float
    goes_on: bool = False

    def __str__(self) -> str:
        if self.unit == PASSES:
            unit = "pass" if self.steps == 1 else PASSES
            return f"{self.steps} {unit} in {self.seconds:.2f} s"
        if self.goes_on:
            return (
                f"{self.steps} {self.unit}, with those of --state; {self.seconds:.1f} s in this run"
            )
        rate = self.steps / self.seconds if self.seconds > 0 else float("inf")
        return f"{self.steps} {self.unit} in {self.seconds:.1f} s, {rate:.1f} {self.unit}/s"


class Progress:
    """Counts steps for a report, and shows them as a bar on a terminal.

    Called with (done, total, partial) as an explainer's `progress`.

    Args:
        noun: What a step is, in the plural.
        quiet: Show nothing. Nothing is shown either where standard error is no terminal.
        goes_on: The run goes on with what an earlier one kept.
    """

    def __init__(self, noun: str, quiet: bool, goes_on: bool = False) -> None:
        self._noun = noun
        self._goes_on = goes_on
        self._done = 0
        self._start = self._last = time.perf_counter()
        # disable=None: only on a terminal.
        self._bar = tqdm(unit=f" {noun}", leave=False, disable=True if quiet else None)

    def __call__(self, done: int, total: int, partial: Partial | None = None) -> None:
        self._last = time.perf_counter()
        self._bar.total = total
        self._bar.set_postfix_str(correlation_text(partial), refresh=False)
        self._bar.update(done - self._done)
        self._done = done

    @property
    def work(self) -> Work:
        """Work up to the last step."""
        return Work(self._done, self._noun, self._last - self._start, self._goes_on)

    def close(self) -> None:
        """Wipe the bar."""
        self._bar.close()
