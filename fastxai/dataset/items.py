"""Inputs of a run: folders, globs, lists of files, data sets and other iterables."""

from __future__ import annotations

import csv
import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastxai.system.tensors import host_array


@dataclass(frozen=True)
class Item:
    """One image.

    Attributes:
        id: Its name in the rows.
        path: Its file; None where it is an array.
        targets: Classes that were given with it, by index or name.
        label: Its true class, by index or name.
        image: (C, H, W) float32, where there is no file.
    """

    id: str
    path: str | None = None
    targets: tuple[int | str, ...] = ()
    label: int | str | None = None
    image: np.ndarray | None = None


_INDEX = re.compile(r"-?[0-9]{1,15}(\.0+)?")
_UNSORTED = 1024  # ids of a stream between two sorts

Source = Any  # a path, a glob, a list, a data set or another iterable


def items_of(source: Source) -> Sequence[Item] | Iterable[Item]:
    """The images that a source names: a sequence where it is known how many there are.

    Args:
        source: Folder (pictures in it and below, by name), glob, CSV or Parquet list with columns
            path, and where wished id, target (several with ';' between them) and label; paths of
            files; a MindSpore data set with columns image, and where wished id, target and label;
            or an iterable of (id, image, targets), image (C, H, W) floats and targets an int,
            several, or None.

    Raises:
        ValueError: There is nothing to explain, an id is there twice (in an iterable: once it comes
            to that), or a list lacks `path`.
        OSError: A list cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        return _checked(_of_path(os.fspath(source)), os.fspath(source))
    if isinstance(source, (list, tuple)) and source and isinstance(source[0], (str, os.PathLike)):
        return _checked([Item(os.fspath(each), os.fspath(each)) for each in source], "the list")
    if hasattr(source, "create_dict_iterator"):
        return _Stream(lambda: _of_dataset(source))
    return _Stream(lambda: map(_of_row, iter(source)))


def list_digest(items: Sequence[Item]) -> str:
    """SHA-256 of ids, targets and labels, in their order; no file is looked at."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(repr((item.id, item.targets, item.label)).encode())
    return digest.hexdigest()


class _Stream:
    """Items that are made one at a time; their ids must differ."""

    def __init__(self, start: Any) -> None:
        self._start = start

    def __iter__(self) -> Iterator[Item]:
        seen = SeenIds()
        for item in self._start():
            if seen.add(item.id):
                raise _twice(item.id)
            yield item


class SeenIds:
    """Which ids there were, in 8 to 16 bytes for each.

    It keeps hashes of 64 bits: that two of a million ids share one has a probability of 3e-8.
    """

    def __init__(self) -> None:
        self._new: set[int] = set()
        self._sorted: list[np.ndarray] = []  # each at least as long as all after it together

    def add(self, name: str) -> bool:
        """Whether an id was there before."""
        value = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
        if value in self._new or any(_holds(part, value) for part in self._sorted):
            return True
        self._new.add(value)
        if len(self._new) == _UNSORTED:
            part = np.sort(np.fromiter(self._new, np.uint64, _UNSORTED))
            self._new.clear()
            while self._sorted and len(self._sorted[-1]) <= len(part):
                part = np.sort(np.concatenate([self._sorted.pop(), part]))
            self._sorted.append(part)
        return False


def _holds(part: np.ndarray, value: int) -> bool:
    place = int(np.searchsorted(part, np.uint64(value)))
    return place < len(part) and int(part[place]) == value


def _of_path(source: str) -> list[Item]:
    from PIL import Image

    Image.init()
    if os.path.isdir(source):
        found = sorted(
            path
            for path in Path(source).rglob("*")
            if path.suffix.lower() in Image.EXTENSION and path.is_file()
        )
        return [Item(path.relative_to(source).as_posix(), str(path)) for path in found]
    suffix = Path(source).suffix.lower()
    if os.path.isfile(source) and suffix in (".csv", ".parquet"):
        return _of_list(source, suffix)
    if glob.has_magic(source) and not os.path.exists(source):
        return [Item(path, path) for path in sorted(glob.glob(source, recursive=True))]
    if not os.path.exists(source):
        raise ValueError(f"dataset: {source} does not exist.")
    if suffix and suffix not in Image.EXTENSION:
        raise ValueError(
            f"dataset: {source} is no picture by its name; a list has to end in .csv or .parquet."
        )
    return [Item(os.path.basename(source), source)]


def _of_list(source: str, suffix: str) -> list[Item]:
    if suffix == ".csv":
        with open(source, newline="", encoding="utf-8-sig") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
    else:
        import pyarrow.parquet as pq

        rows = pq.read_table(source).to_pylist()
    if rows and "path" not in rows[0]:
        raise ValueError(
            f"dataset: {source} has no column 'path', only {', '.join(map(str, rows[0]))}."
        )
    folder, found = os.path.dirname(source), []
    for number, row in enumerate(rows):
        if not row["path"]:
            raise ValueError(f"dataset: {source} has no path in row {number + 1}.")
        path = os.path.join(folder, row["path"])
        given = row.get("id")
        name = str(row["path"] if given in (None, "") else given)
        found.append(Item(name, path, _classes(row.get("target")), _class(row.get("label"))))
    return found


def _classes(value: Any) -> tuple[int | str, ...]:
    """Classes of a list's cell: an integer, several, or text with ';' between them."""
    if isinstance(value, str):
        value = value.split(";")
    parts = np.atleast_1d(np.asarray(value, object)) if value is not None else ()
    return tuple(each for each in map(_class, parts) if each is not None)


def _class(value: Any) -> int | str | None:
    """An index or a name of a list's cell; pandas writes a column of indices with gaps as 3.0."""
    if value is None:
        return None
    if isinstance(value, (float, np.floating)):
        whole = float(value).is_integer()
        return None if np.isnan(value) else int(value) if whole else str(value)
    if isinstance(value, str):
        text = value.strip()
        return int(float(text)) if _INDEX.fullmatch(text) else (text or None)
    return int(value)


def _of_dataset(dataset: Any) -> Iterator[Item]:
    rows = dataset.create_dict_iterator(num_epochs=1, output_numpy=True)
    for number, row in enumerate(rows):
        if "image" not in row:
            raise ValueError(f"dataset: the data set has no column 'image', only {sorted(row)}.")
        label = row.get("label")
        yield Item(
            str(row["id"].item()) if "id" in row else str(number),
            None,
            _classes(row.get("target")),
            None if label is None else int(np.asarray(label).item()),
            np.asarray(row["image"]),
        )


def _of_row(row: Any) -> Item:
    if isinstance(row, Item):
        return row
    if not isinstance(row, (tuple, list)) or len(row) != 3:
        raise ValueError(f"dataset: must give (id, image, targets), got {type(row).__name__}.")
    name, image, targets = row
    return Item(str(name), None, _classes(targets), None, np.asarray(host_array(image)))


def _twice(name: str) -> ValueError:
    return ValueError(f"dataset: the id {name!r} is there twice; ids must differ.")


def _checked(items: list[Item], source: str) -> list[Item]:
    if not items:
        raise ValueError(f"dataset: there is no picture in {source}.")
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise _twice(item.id)
        seen.add(item.id)
    return items
