"""A thread that writes rows and parts.

Rows of an image whose block is soon done are written with the block alone: two calls of fsync for
64 images in the place of two for each. They wait a second for that, and no longer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, Queue

from fastxai.dataset.blocks import Block
from fastxai.dataset.files import Folder, Row

_PATIENCE_S = 1.0  # that rows wait for their block: what `kill -9` takes, at most
_UNWRITTEN = 8  # images and blocks that wait for the thread; more make the run wait


class Writer:
    """Writes what it is given, in that order; all of it is written when its `with` is left.

    Args:
        folder: Where to.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._asked: Queue[tuple[int, list[Row]] | Block | None] = Queue(_UNWRITTEN)
        self._rows: dict[int, list[Row]] = {}  # not written, by the image's index, oldest first
        self._since: dict[int, float] = {}
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="fastxai-write", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def keep(self, index: int, rows: list[Row]) -> None:
        """The rows of an image.

        Raises:
            OSError: Something could not be written.
        """
        self._ask((index, rows))

    def finish(self, block: Block) -> None:
        """A block all of whose images have rows.

        Raises:
            OSError: Something could not be written.
        """
        self._ask(block)

    def __exit__(self, kind: type | None, *error: object) -> None:
        self._asked.put(None)
        self._thread.join()
        if kind is None:
            self._complain()

    def _ask(self, asked: tuple[int, list[Row]] | Block) -> None:
        self._complain()
        self._asked.put(asked)

    def _complain(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while True:
            try:
                asked = self._asked.get(timeout=self._patience())
            except Empty:
                self._guarded(self._write_old)
                continue
            if asked is None:
                self._guarded(lambda: self._write(list(self._rows)))
                return
            self._guarded(lambda asked=asked: self._take(asked))  # type: ignore[misc]

    def _guarded(self, work: Callable[[], None]) -> None:
        """After an error nothing more is written: whoever asks next is told."""
        if self._error is None:
            try:
                work()
            except BaseException as error:
                self._error = error

    def _take(self, asked: tuple[int, list[Row]] | Block) -> None:
        if len(asked) == 2:
            index, rows = asked
            self._rows[index] = rows
            self._since[index] = time.monotonic()
        else:
            number, first, items = asked
            indices = range(first, first + len(items))
            self._folder.finish(number, indices, self._rows)
            self._forget(indices)
        self._write_old()

    def _write_old(self) -> None:
        """Writes the rows that have waited long enough."""
        now = time.monotonic()
        self._write([index for index in self._rows if now - self._since[index] >= _PATIENCE_S])

    def _write(self, indices: list[int]) -> None:
        for index in indices:
            self._folder.keep_rows(index, self._rows[index])
            self._forget([index])

    def _forget(self, indices: range | list[int]) -> None:
        for index in indices:
            self._rows.pop(index, None)
            self._since.pop(index, None)

    def _patience(self) -> float | None:
        """Seconds until the oldest rows have waited long enough."""
        oldest = next(iter(self._since.values()), None)
        return None if oldest is None else max(oldest + _PATIENCE_S - time.monotonic(), 0.001)
