"""Images on their way through one process.

    blocks -> decode (threads) -> class scores (a batch) -> maps (threads) -> files (a thread)

What is on its way is bounded: two chunks of images that are decoded or wait for their class scores,
two images for each thread that makes maps, and the rows of some.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from fastxai.dataset.blocks import Block
from fastxai.dataset.decoding import Decoded
from fastxai.dataset.files import Row
from fastxai.dataset.items import Item
from fastxai.dataset.writing import Writer
from fastxai.engine.callers import cores, several

if TYPE_CHECKING:
    from fastxai.dataset.job import Job
    from fastxai.dataset.scoring import Scoring

_MOST_DECODERS = 4
_MOST_CALLERS = 8  # images whose maps are made at a time; each takes the memory of a batch

Told = Callable[[list[Row]], None]  # is given the rows of an image that is done


class StopError(BaseException):
    """The run ends; no fault of the image."""


@dataclass
class Place:
    """An image of a run.

    Attributes:
        index: In the list.
        item: The image.
        decoded: Its input; None where it has rows already.
        scores: Its class scores (K,); None where they were not had together with others'.
    """

    index: int
    item: Item
    decoded: Future[Decoded] | None = None
    scores: np.ndarray | None = None


Chunk = tuple[list[Place], Block | None]  # and the block whose last images they are


class Pipeline:
    """A run of blocks by a job.

    Args:
        job: Makes rows of images.
        tell: Is given the rows of every image.
    """

    def __init__(self, job: Job, tell: Told) -> None:
        self._job = job
        self._folder = job.folder
        self._tell = tell
        self._begun: deque[Callable[[], None]] = deque()  # ends of what was begun, in order

    def run(self, blocks: Iterable[Block]) -> None:
        """Explains the images of blocks that have no rows yet, and writes the blocks' parts."""
        with ExitStack() as stack:
            files = stack.enter_context(Writer(self._folder))
            callers = stack.enter_context(_Callers(self._job.scoring))
            decoders = ThreadPoolExecutor(min(cores(), _MOST_DECODERS), "fastxai-decode")
            stack.callback(decoders.shutdown, cancel_futures=True)
            for chunk in self._decoded(self._chunks(blocks), decoders):
                self._begin(chunk, callers, files)
            self._end(0)

    def _chunks(self, blocks: Iterable[Block]) -> Iterator[Chunk]:
        """Images whose class scores are asked for at a time."""
        size = self._job.scoring.together
        for block in blocks:
            _, first, items = block
            for start in range(0, len(items), size):
                some = enumerate(items[start : start + size], first + start)
                is_last = start + size >= len(items)
                yield [Place(*each) for each in some], block if is_last else None

    def _decoded(self, chunks: Iterable[Chunk], pool: ThreadPoolExecutor) -> Iterator[Chunk]:
        """The chunks; one is decoded while the one before is explained."""
        waiting: deque[Chunk] = deque()
        for chunk in chunks:
            for place in chunk[0]:
                if not self._folder.has_rows(place.index):
                    place.decoded = pool.submit(self._job.decode, place.item)
            waiting.append(chunk)
            if len(waiting) > 1:
                yield waiting.popleft()
        yield from waiting

    def _begin(self, chunk: Chunk, callers: _Callers, files: Writer) -> None:
        """Begins images and, in front of each, ends some that were begun."""
        places, block = chunk
        self._score(places, callers)
        for place in places:
            if place.decoded is None:
                self._tell(self._job.earlier(place.index, place.item))
                continue
            rows = callers.submit(self._job.explain, place)
            self._begun.append(functools.partial(self._keep, place, rows, files))
            self._end(2 * callers.number)
        if block is not None:
            self._begun.append(functools.partial(files.finish, block))

    def _end(self, most: int) -> None:
        """Ends what was begun, but for so much."""
        while len(self._begun) > most:
            self._begun.popleft()()

    def _keep(self, place: Place, made: Callable[[], list[Row]], files: Writer) -> None:
        rows = made()
        files.keep(place.index, rows)
        self._tell(rows)

    def _score(self, places: list[Place], callers: _Callers) -> None:
        """Asks for the class scores of images that could be decoded, all at once."""
        read = [place.decoded.result() for place in places if place.decoded is not None]
        images = {
            place.index: found.image
            for place, found in zip([p for p in places if p.decoded], read, strict=True)
            if found.image is not None
        }
        scores: dict[int, np.ndarray] = {}
        try:
            callers.begin(images)
            scores = self._job.scoring.scores_of(images)
        except (OSError, MemoryError):
            raise
        except Exception:  # noqa: S110 - of one of them: each is scored alone, and says so itself
            pass
        for place in places:
            place.scores = scores.get(place.index)


class _Callers:
    """Threads that make maps, where that takes less time than making them in this one.

    Args:
        scoring: The explainer.

    Attributes:
        number: Threads; 0: this one makes them.
    """

    def __init__(self, scoring: Scoring) -> None:
        self.number = 0
        self._scoring = scoring
        self._stack = ExitStack()
        self._stop = threading.Event()
        self._free: SimpleQueue[Scoring] = SimpleQueue()
        self._pool: ThreadPoolExecutor | None = None
        self._known = False

    def __enter__(self) -> _Callers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        with self._stack:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def begin(self, images: dict[int, np.ndarray]) -> None:
        """Looks with the first image of the run which engine scores, unless that is known."""
        if self._known or not images:
            return
        number = min(cores(), _MOST_CALLERS)
        with ExitStack() as stack:
            stack.enter_context(several(number, cores() // number))
            if self._scoring.overlaps(next(iter(images.values()))):
                self._stack = stack.pop_all()
                if number > 1:
                    self._start(number)
        self._known = True

    def _start(self, number: int) -> None:
        self.number = number
        self._pool = ThreadPoolExecutor(number, "fastxai-explain")
        for each in self._scoring.copies(number):
            self._free.put(each)

    def submit(self, explain: Callable[..., list[Row]], place: Place) -> Callable[[], list[Row]]:
        """Explains an image; gives what waits for its rows."""
        if self._pool is None:
            rows = explain(place, self._scoring, None)
            return lambda: rows
        return self._pool.submit(self._explain, explain, place).result

    def _explain(self, explain: Callable[..., list[Row]], place: Place) -> list[Row]:
        scoring = self._free.get()
        try:
            return explain(place, scoring, self._watch)
        finally:
            self._free.put(scoring)

    def _watch(self, done: int, total: int) -> None:
        """Ends an image where the run ends: nobody would wait for it."""
        if self._stop.is_set():
            raise StopError
