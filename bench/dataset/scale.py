"""What a run over a million images asks of its driver, and whether its memory stays bounded.

`driver` runs the driver of `fastxai.dataset.explain_on_ray` beside workers that compute nothing: a
clock that only counts tells when each of them has a block done, as many images a second as
`--rate` says. What is timed is the driver's own processor time: it reads the list, makes manifest
and blocks, gives them out, and counts what comes back. Ray's part is not in it.

`merge` times what a worker does beside scoring for a block: it keeps the rows of every image and
merges them into a part. `resume` times the driver's look at a part that is done.

`memory` explains images of 16 x 16 pixels in a process of its own and compares the memory that it
has after some with what it has after all.
"""

from __future__ import annotations

import argparse
import csv
import heapq
import itertools
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.common import processes, record

SHARE, MOST_GROWTH = 0.05, 16e6  # of the run; bytes
OPTIONS = {
    "images": record.Option(1_000_000),
    "workers": record.Option(1000),
    "rate": record.Option(0.5, "images a second of a worker"),
    "size": record.Option(224, "pixels of a map's side"),
    "blocks": record.Option(8, "blocks that are merged for real"),
    "small_images": record.Option(10_000, "images of the run whose memory is measured"),
}


class CountedCluster:
    """Stands for Ray: workers whose blocks are done when a clock says so, which never waits.

    Args:
        rate: Images a second of a worker.
    """

    def __init__(self, rate: float) -> None:
        self.now = 0.0  # seconds
        self._rate = rate
        self._order = itertools.count()
        self._done: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []

    def actors(self, number: int) -> list[Any]:
        """Workers with the method that the driver calls."""
        return [SimpleNamespace(run=_Method(self, _Busy())) for _ in range(number)]

    def submit(self, worker: _Busy, block: Any) -> tuple[int, int]:
        """A worker gets a block; gives what can be waited for: its number and its images."""
        worker.until = max(worker.until, self.now) + len(block[2]) / self._rate
        number = next(self._order)
        heapq.heappush(self._heap, (worker.until, number))
        return number, len(block[2])

    def wait(self, references: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        """Moves the clock to when the next block is done."""
        self.now, first = heapq.heappop(self._heap)
        return [each for each in references if each[0] == first], []

    def get(self, reference: tuple[int, int]) -> list[tuple[int, int, int]]:
        """Counts of a block's images: rows, errors, masks."""
        return [(1, 0, 6000)] * reference[1]


class _Busy:
    until = 0.0


class _Method:
    def __init__(self, cluster: CountedCluster, worker: _Busy) -> None:
        self._cluster, self._worker = cluster, worker

    def remote(self, block: Any) -> Any:
        """As Ray calls a method of an actor."""
        return self._cluster.submit(self._worker, block)


def driver(images: int, workers: int, rate: float) -> dict[str, Any]:
    """Processor seconds of the driver, by what it does, beside the seconds of the run."""
    from fastxai.dataset import cluster, run
    from fastxai.dataset.blocks import block_size, blocks_of
    from fastxai.dataset.files import Folder
    from fastxai.dataset.items import items_of
    from fastxai.dataset.progress import Progress

    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = time.process_time()
        found = work()
        seconds[name] = time.process_time() - begun
        return found

    scoring = SimpleNamespace(name="RISE", seed=0)
    options = run.make_options("top", None, None, "softmax", "float16", False, False)
    simulated, before = CountedCluster(rate), peak_bytes()
    with tempfile.TemporaryDirectory() as place:
        source = Path(place) / "list.csv"
        with open(source, "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["path", "label"])
            rows.writerows((f"train/{n // 1000:04d}/{n:07d}.jpg", n % 1000) for n in range(images))
        items = timed("list", lambda: items_of(str(source)))
        folder = Folder(Path(place) / "maps", "float16")

        def begin() -> None:
            folder.begin(run.manifest({"network": ""}, scoring, items, options))

        timed("manifest", begin)
        tally = run.Tally(Progress(images, False))
        size = block_size(images)
        blocks = run.left(folder, blocks_of(items, size), tally)
        actors = simulated.actors(workers)
        timed("blocks", lambda: cluster._spread(simulated, actors, blocks, tally))
        assert tally.summary(0.0).images == images
    own = sum(seconds.values())
    return {
        "images": images,
        "workers": workers,
        "rate": rate,
        "blocks": -(-images // size),
        "seconds": seconds,
        "driver_seconds": own,
        "run_seconds": simulated.now,
        "share": own / simulated.now,
        "most_rate": SHARE * images / (workers * own),
        "driver_bytes": peak_bytes() - before,
    }


def merging(size: int, blocks: int, rate: float) -> dict[str, Any]:
    """Processor seconds of a worker and of the driver for a block of 64 maps."""
    from fastxai.dataset import run
    from fastxai.dataset.files import Folder
    from fastxai.dataset.items import Item
    from fastxai.dataset.progress import Progress
    from fastxai.dataset.schema import COLUMNS

    number, random = 64, np.random.default_rng(0)
    blank = {name: None for name, _, _ in COLUMNS} | {"target": 0, "predicted": 0, "error": None}
    blank |= {"probability": 0.5, "num_masks": 6000, "seconds": 2.0, "standard_error": None}
    spent = {"merge": 0.0, "resume": 0.0}
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(place, "float16")
        for block in range(blocks):
            indices = range(block * number, (block + 1) * number)
            items = [Item(f"{index:07d}") for index in indices]
            rows = [
                blank | {"id": item.id, "map": random.random((size, size), np.float32)}
                for item in items
            ]
            begun = time.process_time()
            for index, row in zip(indices, rows, strict=True):
                folder.keep_rows(index, [row])
            folder.finish(block, indices)
            spent["merge"] += time.process_time() - begun
            begun = time.process_time()
            tally = run.Tally(Progress(None, False))
            assert not list(run.left(folder, [(block, indices.start, items)], tally))
            spent["resume"] += time.process_time() - begun
        written = sum(path.stat().st_size for path in Path(place).glob("part-*")) / blocks
    each = {name: value / blocks for name, value in spent.items()}
    return {
        "size": size,
        "images": number,
        "seconds": each,
        "share": each["merge"] * rate / number,
        "part_bytes": written,
    }


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def memory(images: int, leak: int = 0) -> dict[str, Any]:
    """Memory of a run over small images, in a process of its own.

    Args:
        images: How many.
        leak: Bytes that the explained function keeps of every image, to see whether it shows.
    """
    options = {"images": images, "leak": leak}
    found: dict[str, Any] = processes.ask_worker("bench.dataset.scale_worker", options)
    return found


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Measures driver, merge and memory, one after the other."""
    results: dict[str, Any] = {
        "driver": driver(options.images, options.workers, options.rate),
        "merge": merging(options.size, options.blocks, options.rate),
    }
    what = f"{options.images} images, {options.workers} workers: share of the run"
    targets = [
        record.target(f"{what} that its driver takes", results["driver"]["share"], SHARE,
                      at_least=False),
        record.target("share of a worker's time that rows and parts take",
                      results["merge"]["share"], SHARE, at_least=False),
    ]  # fmt: skip
    checks = ["every image is given out and counted once"]
    yield record.Outcome(results, checks, targets)
    results["memory"] = memory(options.small_images)
    growth = results["memory"]["growth_bytes"]
    what = f"{options.small_images} small images: bytes more than after a tenth of them"
    targets.append(record.target(what, growth, MOST_GROWTH, at_least=False))
    yield record.Outcome(results, checks, targets)


if __name__ == "__main__":
    record.main("scale", __doc__, OPTIONS, measure)
