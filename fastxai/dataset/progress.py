"""Progress of a run over many images: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import sys
import time

_INTERVAL_S = 60.0  # between two lines of a log


class Progress:
    """Counts images and masks.

    Args:
        total: Images; None where it is not known.
        shown: Whether anything is told.
    """

    def __init__(self, total: int | None, shown: bool) -> None:
        from tqdm import tqdm

        self._total, self._shown = total, shown
        self._images = self._masks = self._earlier = 0
        self._start = self._told = time.monotonic()
        self._on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(
            total=total, unit=" images", leave=False, disable=not (shown and self._on_terminal)
        )

    def skip(self, images: int) -> None:
        """Images that an earlier run has explained."""
        self._earlier += images
        self._bar.total = None if self._total is None else self._total - self._earlier
        self._bar.refresh()

    def add(self, images: int, masks: int) -> None:
        """Images that are done now, and their masks."""
        self._images += images
        self._masks += masks
        self._bar.update(images)
        self._bar.set_postfix_str(f"{self._masks / self._seconds:.0f} masks/s", refresh=False)
        if self._shown and not self._on_terminal and time.monotonic() - self._told >= _INTERVAL_S:
            self._told = time.monotonic()
            print(f"fastxai: {self.line()}", file=sys.stderr, flush=True)

    def line(self) -> str:
        """Images done, speed and remaining time, as text."""
        rate = self._images / self._seconds
        done = self._images + self._earlier
        of = "" if self._total is None else f" of {self._total}"
        text = f"{done}{of} images, {rate:.2f} images/s, {self._masks / self._seconds:.0f} masks/s"
        if self._total is not None and rate > 0:
            left = int((self._total - done) / rate)
            text += f", {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        return text

    def close(self) -> None:
        """Wipes the bar."""
        self._bar.close()

    @property
    def _seconds(self) -> float:
        return max(time.monotonic() - self._start, 1e-9)
