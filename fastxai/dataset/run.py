"""A run over many images, in this process or, with Ray, in others."""

from __future__ import annotations

import importlib.metadata
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from typing import Any

from fastxai.dataset.blocks import Block, block_size, blocks_of
from fastxai.dataset.decoding import check_unchanged
from fastxai.dataset.files import Folder, OtherRunError, Row
from fastxai.dataset.items import Item, Source, items_of, list_digest
from fastxai.dataset.job import Job, Options, Preprocess
from fastxai.dataset.progress import Progress
from fastxai.dataset.schema import DTYPES, FORMAT, check_pyarrow
from fastxai.dataset.targets import TargetRule

_TRIED = 16  # images that are tried for one that can be read
_FAULTS = 5  # errors that a summary tells
_COMPUTING = ("fastxai", "numpy", "mindspore", "torch", "openvino", "onnxruntime")


@dataclass(frozen=True)
class Summary:
    """Summary of a run.

    Attributes:
        images: That have rows now, of this run's share.
        failed: Of those, how many with an error.
        earlier: Of those, how many an earlier run explained.
        rows: How many this run made or found.
        seconds: Of this run.
        faults: Of the first that failed, id and error in a line; () where actors have the rows.
    """

    images: int
    failed: int
    earlier: int
    rows: int
    seconds: float
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.images} images, {self.rows} rows, {self.failed} failed"
        if self.earlier:
            text += f"; {self.earlier} of an earlier run"
        return f"{text}; {self.seconds:.1f} s"


def explain(
    explainer: Any,
    source: Source,
    folder: str | os.PathLike[str],
    *,
    targets: Any = "top",
    class_names: Sequence[str] | None = None,
    preprocess: Preprocess | None = None,
    activation_fn: Any = "softmax",
    dtype: str = "float16",
    uncertainty: bool = False,
    strict: bool = False,
    curves: bool = False,
    shard: tuple[int, int] = (0, 1),
    progress: bool = True,
) -> Summary:
    """Explains many images into a directory of Parquet files; called again, it goes on.

    Args:
        explainer: Any of `fastxai.explainer`, `fastxai.torch` or `fastxai.models`; RISE with a
            seed.
        source: Folder, glob, CSV or Parquet list (path, id, target, label), list of files,
            MindSpore data set, or iterable of (id, image, targets).
        folder: Directory to make, or to go on with.
        targets: 'top', 'top:K', 'label', 'given' (by the list), 'differ' (predicted class and
            label of images where they differ), or classes for all images.
        class_names: Names of the network's classes, in their order.
        preprocess: How picture files become inputs.
        activation_fn: From the network's output to probabilities, for explainers without one.
        dtype: Of maps, 'float16' or 'float32'.
        uncertainty: Keep standard errors too.
        strict: Stop at the first image that fails; else it gets a row with its error.
        curves: Keep scores of the class while the pixels are covered, and shown, in the order of
            the map: columns `deletion` and `insertion`.
        shard: (i, n): this process takes every n-th block of images, from the i-th on.
        progress: Show a bar on a terminal, a line a minute elsewhere.

    Returns:
        How many images have rows, and how many of them failed.

    Raises:
        ValueError: An argument is out of range, there is no image, or `folder` is of another run.
        ImageError: With `strict`, an image failed.
        OSError: A file cannot be written. What is written stays valid.
        ImportError: pyarrow cannot be imported.

    Randomness:
        Each image is explained in a call of its own with the explainer's seed. Its rows, but for
        `seconds`, do not depend on the other images, on the number of workers, or on interruptions.

    Source:
        Ours.

    Supported Platforms:
        As the explainer's.

    Example:
        >>> import numpy as np, tempfile
        >>> from mindspore import nn
        >>> import fastxai.dataset
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> rise = fastxai.RISE(network, nn.Softmax(), num_masks=64, seed=0)
        >>> images = [("a", np.ones((3, 16, 16), np.float32), None)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     done = fastxai.dataset.explain(rise, images, folder, progress=False)
        ...     len(fastxai.dataset.open(folder).rows())
        1
    """
    options = make_options(
        targets, class_names, preprocess, activation_fn, dtype, uncertainty, strict, curves
    )
    begun = time.monotonic()
    items = items_of(source)
    out = Folder(folder, dtype)
    job = Job(explainer, options, out)
    head, items = peeked(items)
    with out.writing(f"{shard[0]}-of-{shard[1]}"):
        out.begin(manifest(facts_of(job, options, head), job.scoring, items, options))
        tally = Tally(Progress(len(items) if isinstance(items, list) else None, progress))
        size = block_size(len(items) if isinstance(items, list) else None)
        try:
            job.run(left(out, blocks_of(items, size, shard), tally), tally.add)
        finally:
            tally.progress.close()
    return tally.summary(time.monotonic() - begun)


def make_options(
    targets: Any,
    class_names: Sequence[str] | None,
    preprocess: Preprocess | None,
    activation_fn: Any,
    dtype: str,
    uncertainty: bool,
    strict: bool,
    curves: bool = False,
) -> Options:
    """Checks arguments of `explain`.

    Raises:
        ValueError: One is out of range.
        ImportError: pyarrow cannot be imported.
    """
    check_pyarrow()
    if dtype not in DTYPES:
        raise ValueError(f"dataset: `dtype` must be one of {', '.join(DTYPES)}, got {dtype!r}.")
    rule = TargetRule.of(targets, class_names)
    how = preprocess or Preprocess()
    return Options(rule, how, activation_fn, dtype, uncertainty, strict, curves)


class Tally:
    """Counts images and rows of a run.

    Args:
        progress: Is told of them.
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._images = self._failed = self._earlier = self._rows = 0
        self._faults: dict[str, str] = {}  # by id

    def add(self, rows: Sequence[Row]) -> None:
        """The rows of an image that is done."""
        failed = self._failed_of(rows)
        self.tell(len(rows), failed, max((row["num_masks"] for row in rows), default=0))

    def tell(self, rows: int, failed: int, masks: int) -> None:
        """An image that is done, by its rows, those with errors, and its masks."""
        self.count(1, rows, min(failed, 1))
        self.progress.add(1, masks)

    def count(self, images: int, rows: int, failed: int) -> None:
        """Images that are done."""
        self._images += images
        self._rows += rows
        self._failed += failed

    def skip(self, images: int, rows: Sequence[Row]) -> None:
        """The rows of a block that an earlier run has made."""
        self.count(images, len(rows), self._failed_of(rows))
        self._earlier += images
        self.progress.skip(images)

    def _failed_of(self, rows: Sequence[Row]) -> int:
        """How many rows have an error; the first of a run are kept to be told."""
        failed = [row for row in rows if row["error"] is not None]
        for row in failed[: _FAULTS - len(self._faults)]:
            self._faults[row["id"]] = row["error"]
        return len(failed)

    def summary(self, seconds: float) -> Summary:
        """What was done."""
        faults = tuple(f"{name}: {error}" for name, error in self._faults.items())
        return Summary(self._images, self._failed, self._earlier, self._rows, seconds, faults)


def left(folder: Folder, blocks: Iterable[Block], tally: Tally) -> Iterator[Block]:
    """The blocks that are not done; the others are checked and counted.

    Raises:
        OtherRunError: A block that is done is of other images, or one of them has changed.
    """
    for number, first, items in blocks:
        if not folder.is_done(number):
            yield number, first, items
            continue
        rows = folder.block_rows(number)
        known = {item.id: item for item in items}
        if strange := [row["id"] for row in rows if row["id"] not in known]:
            raise OtherRunError(
                f"dataset: {folder.path} has {strange[0]!r} in block {number}, which the source "
                "does not have there. Give the same images in the same order."
            )
        for name, some in groupby(rows, key=lambda row: row["id"]):
            check_unchanged(known[name], list(some), folder.path)
        folder.tidy(range(first, first + len(items)))
        tally.skip(len(items), rows)


def peeked(items: Any) -> tuple[list[Item], Any]:
    """The first images, and all of them; a sequence stays one."""
    if isinstance(items, list):
        return items[:_TRIED], items
    stream = iter(items)
    head = list(islice(stream, _TRIED))
    return head, chain(head, stream)


def facts_of(job: Job, options: Options, head: Sequence[Item]) -> dict[str, Any]:
    """What maps depend on, told by the first image that can be scored.

    Raises:
        ValueError: None of the first images can be read and scored.
    """
    failed: Exception | None = None
    for item in head:
        try:
            image = options.preprocess(item)
            classes = len(job.scoring.class_scores(image))
            facts = job.scoring.facts(image)
        except Exception as error:
            failed = failed or error
            continue
        names = options.rule.names
        if names is not None and len(names) != classes:
            raise ValueError(
                f"dataset: there are {len(names)} class names, the network has {classes} classes."
            )
        options.rule.check_classes(classes)
        return facts
    if failed is None:
        raise ValueError("dataset: there is no image.")
    raise ValueError(
        f"dataset: none of the first {len(head)} images can be explained: {failed}"
    ) from failed


def manifest(facts: dict[str, Any], scoring: Any, items: Any, options: Options) -> dict[str, Any]:
    """The manifest of a run."""
    known = dict(facts)
    sized = items if isinstance(items, list) else None
    names = options.rule.names
    return {
        "format": FORMAT,
        "explainer": scoring.name,
        "network": known.pop("network"),
        "settings": {**known, **options.settings()},
        "seed": scoring.seed,
        "versions": _versions(),
        "class_names": None if names is None else list(names),
        "list": None if sized is None else list_digest(sized),
        "images": None if sized is None else len(sized),
        "block": block_size(None if sized is None else len(sized)),
        "dtype": options.dtype,
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _COMPUTING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
