"""A run on a cluster of Ray: what to do is ours; scheduling, transport and retries are Ray's.

The driver makes the list, the blocks and the manifest, and holds no network. An actor makes its
explainer once and writes parts to the folder, which all nodes share. A worker that is lost is
started again by Ray, and its blocks with it: what they had in the folder is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastxai.dataset.blocks import Block, block_size, blocks_of
from fastxai.dataset.files import Folder, Row
from fastxai.dataset.items import Item, Source, items_of
from fastxai.dataset.job import Job, Options, Preprocess, words_of
from fastxai.dataset.progress import Progress
from fastxai.dataset.run import Summary, Tally, facts_of, left, make_options, manifest, peeked

Make = Callable[[], Any]  # makes an explainer, in the process that is to use it

_IN_FLIGHT = 2  # blocks that an actor has or waits for: the rest stays with the driver
_RANGES = 4  # ranges of an image's masks for each actor


class Worker:
    """An actor: one explainer that works on blocks, or on ranges of one image's masks.

    Args:
        make: Makes the explainer.
        options: Of the run.
        folder: Where the rows go, a path that all nodes share.
    """

    def __init__(self, make: Make, options: Options, folder: str) -> None:
        self._folder = Folder(folder, options.dtype)
        self._options = options
        self._job = Job(make(), options, self._folder)

    def manifest(self, head: list[Item], items: Any) -> dict[str, Any]:
        """The manifest of a run over a list."""
        facts = facts_of(self._job, self._options, head)
        return manifest(facts, self._job.scoring, items, self._options)

    def run(self, block: Block) -> list[tuple[int, int, int]]:
        """Explains a block; (rows, rows with errors, masks) of each image."""
        if self._folder.is_done(block[0]):  # a lost worker had finished it
            rows = self._folder.block_rows(block[0])
            return [_counts([row for row in rows if row["id"] == item.id]) for item in block[2]]
        found: list[tuple[int, int, int]] = []
        self._job.run([block], lambda rows: found.append(_counts(rows)))
        return found

    def prepare(self, index: int, item: Item) -> Any:
        """What `Job.prepare` tells; or the error, in words."""
        try:
            return self._job.prepare(index, item)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            return words_of(error)

    def score_range(self, item: Item, targets: Sequence[int], first: int, count: int) -> Any:
        """Scores of a range of masks; or the error, in words."""
        try:
            return self._job.score_range(item, targets, first, count)
        except (OSError, MemoryError):
            raise
        except Exception as error:
            return words_of(error)

    def merge(self, index: int, item: Item, prepared: Any, *parts: Any) -> tuple[int, int, int]:
        """Keeps the rows of an image whose ranges are scored."""
        for each in (prepared, *parts):
            if isinstance(each, str):
                return _counts(self._job.fail(index, item, each))
        scores, targets, _ = prepared
        return _counts(self._job.merge(index, item, scores, targets, parts))

    def finish(self, block: Block) -> None:
        """Writes the part of a block, all of whose images have rows."""
        number, first, items = block
        if not self._folder.is_done(number):
            self._folder.finish(number, range(first, first + len(items)))

    def has_rows(self, index: int) -> tuple[int, int, int] | None:
        """Counts of an image that has rows already."""
        rows = self._folder.rows_of(index)
        return None if rows is None else _counts(rows)


def explain_on_ray(
    make: Make,
    source: Source,
    folder: str | os.PathLike[str],
    *,
    address: str | None = None,
    workers: int = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    resources: dict[str, float] | None = None,
    share_images: bool = False,
    targets: Any = "top",
    class_names: Sequence[str] | None = None,
    preprocess: Preprocess | None = None,
    activation_fn: Any = "softmax",
    dtype: str = "float16",
    uncertainty: bool = False,
    strict: bool = False,
    curves: bool = False,
    progress: bool = True,
) -> Summary:
    """Explains many images by actors of Ray, to the rows of `fastxai.dataset.explain`.

    Args:
        make: Function without arguments that makes the explainer, in each actor.
        source: As for `explain`; files have the same paths on all nodes.
        folder: Directory that all nodes share.
        address: Of the cluster; None: the one that is connected, or a new one on this machine.
        workers: Actors.
        cpus: CPUs of each actor, a fraction too.
        gpus: GPUs of each actor, a fraction too.
        resources: Others of each actor by Ray's names, such as {'NPU': 1}.
        share_images: All actors work on one image together, a range of its masks each: for few
            large images. RISE needs a number of masks for that.
        targets: As for `explain`, and so are the following.
        class_names: Names of the network's classes.
        preprocess: How picture files become inputs.
        activation_fn: From the network's output to probabilities.
        dtype: Of maps.
        uncertainty: Keep standard errors.
        strict: Stop at the first image that fails.
        curves: Keep deletion and insertion curves.
        progress: Show how far it is.

    Returns:
        How many images have rows, and how many of them failed.

    Raises:
        ValueError: As for `explain`.
        ImageError: With `strict`, an image failed.
        ImportError: Ray or pyarrow cannot be imported.

    Source:
        Ours.

    Supported Platforms:
        As the explainer's.
    """
    ray = _ray()
    options = make_options(
        targets, class_names, preprocess, activation_fn, dtype, uncertainty, strict, curves
    )
    begun = time.monotonic()
    head, items = peeked(items_of(source))
    sized = items if isinstance(items, list) else None
    out = Folder(folder, dtype)
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False, include_dashboard=False)
    kind = ray.remote(
        num_cpus=cpus,
        num_gpus=gpus,
        resources=resources or {},
        max_restarts=-1,
        max_task_retries=-1,
    )(Worker)
    actors = [kind.remote(make, options, str(out.path.resolve())) for _ in range(workers)]
    tally = Tally(Progress(None if sized is None else len(sized), progress))
    try:
        with out.writing("0-of-1"):
            out.begin(ray.get(actors[0].manifest.remote(head, sized)))
            size = block_size(None if sized is None else len(sized))
            blocks = left(out, blocks_of(items, size), tally)
            (_shared if share_images else _spread)(ray, actors, blocks, tally)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from error
    finally:
        tally.progress.close()
        for actor in actors:
            ray.kill(actor)
    return tally.summary(time.monotonic() - begun)


def _spread(ray: Any, actors: Sequence[Any], blocks: Iterator[Block], tally: Tally) -> None:
    """Gives every actor blocks as it finishes others."""
    waiting: dict[Any, Any] = {}

    def give(actor: Any) -> None:
        block = next(blocks, None)
        if block is not None:
            waiting[actor.run.remote(block)] = actor

    for _ in range(_IN_FLIGHT):
        for actor in actors:
            give(actor)
    while waiting:
        done, _ = ray.wait(list(waiting), num_returns=1)
        for each in done:
            actor = waiting.pop(each)
            for counts in ray.get(each):
                tally.tell(*counts)
            give(actor)


def _shared(ray: Any, actors: Sequence[Any], blocks: Iterator[Block], tally: Tally) -> None:
    """Gives every actor ranges of one image's masks, an image after another."""
    for block in blocks:
        _, start, items = block
        for index, item in enumerate(items, start):
            counts = ray.get(actors[0].has_rows.remote(index))
            tally.tell(*(counts or _share_one(ray, actors, index, item)))
        ray.get(actors[0].finish.remote(block))


def _share_one(ray: Any, actors: Sequence[Any], index: int, item: Item) -> tuple[int, int, int]:
    prepared = ray.get(actors[0].prepare.remote(index, item))
    parts: list[Any] = []
    if not isinstance(prepared, str) and prepared[1]:
        _, targets, (total, batch) = prepared
        step = batch * max(total // (batch * len(actors) * _RANGES), 1)
        for number, first in enumerate(range(0, total, step)):
            actor = actors[number % len(actors)]
            count = min(step, total - first)
            parts.append(actor.score_range.remote(item, targets, first, count))
    counts: tuple[int, int, int] = ray.get(actors[0].merge.remote(index, item, prepared, *parts))
    return counts


def _counts(rows: Sequence[Row]) -> tuple[int, int, int]:
    """Rows of an image, those with errors, and its masks."""
    failed = sum(row["error"] is not None for row in rows)
    return len(rows), failed, max((row["num_masks"] for row in rows), default=0)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ImportError(
            "fastxai.dataset: a cluster needs Ray, which is not installed: pip install "
            "'fastxai[ray]'"
        ) from error
    return ray
