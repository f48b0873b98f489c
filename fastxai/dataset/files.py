"""The files of a directory of explanations: parts, rows of images that wait for one, manifest.

    manifest.json            what the maps depend on; a run with something else is refused
    part-000012.parquet      rows of block 12, once all its images are done; never changed again
    part-000012-1.parquet    those of its images that have maps of another size
    .rows/00000780.parquet   rows of one image whose block is not done
    .state/00000781.state    what a long image has so far

Every file is written aside and renamed, so each is there whole or not at all.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fastxai.dataset.schema import FORMAT, MANIFEST, MANIFEST_FIELDS, MAPS, arrow_schema
from fastxai.system.atomic_file import replacing

Row = dict[str, Any]  # columns of the schema; maps as arrays (H, W), or None


class OtherRunError(ValueError):
    """A directory is of another run."""


class Folder:
    """A directory that a run writes to.

    Args:
        path: The directory; it is made where it is not there.
        dtype: 'float16' or 'float32', of maps.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], dtype: str) -> None:
        self.path = Path(path)
        self._dtype = dtype
        for folder in (self.path, self.path / ".rows", self.path / ".state"):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        """Nobody else writes the blocks of this name, such as '0-of-4'.

        Raises:
            OtherRunError: Somebody does.
        """
        with open(self.path / f".lock-{name}", "wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OtherRunError(
                    f"dataset: another process writes to {self.path}; wait until it ends."
                ) from error
            yield

    def begin(self, manifest: dict[str, Any]) -> None:
        """Writes the manifest, or compares it with the one that is there.

        Raises:
            OtherRunError: They differ, or it is no manifest.
        """
        path = self.path / MANIFEST
        known = json.loads(json.dumps(manifest))
        if path.exists():
            _compare(read_manifest(self.path), known, self.path)
            return
        if any(self.path.glob("part-*.parquet")):
            raise OtherRunError(f"dataset: {self.path} has parts and no {MANIFEST}.")
        with replacing(path) as file:
            file.write((json.dumps(known, indent=1) + "\n").encode())

    def is_done(self, block: int) -> bool:
        """Whether the rows of a block are all written."""
        return self._part(block, 0).exists()

    def rows_of(self, index: int) -> list[Row] | None:
        """Rows of an image whose block is not done; None where it has none."""
        path = self._rows(index)
        return read_rows(path) if path.exists() else None

    def has_rows(self, index: int) -> bool:
        """Whether an image whose block is not done has rows."""
        return self._rows(index).exists()

    def keep_rows(self, index: int, rows: Sequence[Row]) -> None:
        """Writes the rows of an image."""
        write_rows(self._rows(index), rows, self._dtype)

    def state(self, index: int) -> str:
        """Name of the file with what an image has so far."""
        return str(self.path / ".state" / f"{index:08d}.state")

    def finish(
        self, block: int, indices: Sequence[int], given: Mapping[int, Sequence[Row]] | None = None
    ) -> None:
        """Writes the part of a block.

        Args:
            block: Its number.
            indices: Of its images.
            given: Rows by an image's index; of the others they are in files.
        """
        given = given or {}
        rows = [
            row
            for index in indices
            for row in (given[index] if index in given else read_rows(self._rows(index)))
        ]
        groups: dict[tuple[int, int], list[Row]] = {}
        sizes = [row["map"].shape for row in rows if row["map"] is not None]
        first = sizes[0] if sizes else (1, 1)
        for row in rows:
            groups.setdefault(first if row["map"] is None else row["map"].shape, []).append(row)
        others = [group for size, group in groups.items() if size != first]
        for number, group in enumerate(others, 1):
            write_rows(self._part(block, number), group, self._dtype)
        write_rows(self._part(block, 0), groups.get(first, []), self._dtype)  # last: it is done
        self.tidy(indices)

    def tidy(self, indices: Sequence[int]) -> None:
        """Removes what a block that is done needs no more."""
        for index in indices:
            self._rows(index).unlink(missing_ok=True)
            Path(self.state(index)).unlink(missing_ok=True)

    def block_rows(self, block: int) -> list[Row]:
        """Rows of a block that is done, without maps, in the order of the images."""
        import pyarrow.parquet as pq

        found: list[Row] = []
        for path in sorted(self.path.glob(f"part-{block:06d}*.parquet")):
            names = [name for name in pq.read_schema(path).names if name not in MAPS]
            found += pq.read_table(path, columns=names).to_pylist()
        return found

    def _part(self, block: int, number: int) -> Path:
        suffix = f"-{number}" if number else ""
        return self.path / f"part-{block:06d}{suffix}.parquet"

    def _rows(self, index: int) -> Path:
        return self.path / ".rows" / f"{index:08d}.parquet"


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The manifest of a directory.

    Raises:
        OtherRunError: There is none, or it is damaged.
    """
    path = Path(folder) / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise OtherRunError(f"dataset: {folder} has no {MANIFEST}.") from error
    except ValueError as error:
        raise OtherRunError(f"dataset: {path} is damaged ({error}).") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise OtherRunError(f"dataset: {path} is none of this version of fastxai.")
    return found


def write_rows(path: Path, rows: Sequence[Row], dtype: str) -> None:
    """Writes rows whose maps are of one size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = next((row["map"].shape for row in rows if row["map"] is not None), (1, 1))
    schema = arrow_schema(size, dtype)
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]  # an earlier version's has no curves
        made = _tensors(values, field.type, size, dtype) if field.name in MAPS else None
        columns.append(pa.array(values, field.type) if made is None else made)
    with replacing(path) as file:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), file, compression="zstd")


def _tensors(maps: list[Any], kind: Any, size: tuple[int, int], dtype: str) -> Any:
    import pyarrow as pa

    filled = np.full((len(maps), *size), np.nan, dtype)
    for place, each in enumerate(maps):
        if each is not None:
            filled[place] = each
    flat = pa.array(filled.reshape(-1), kind.value_type)
    storage = pa.FixedSizeListArray.from_arrays(flat, type=kind.storage_type)
    return pa.ExtensionArray.from_storage(kind, storage)


def read_rows(path: Path, wanted: Any = None) -> list[Row]:
    """Rows of a file, with their maps; `wanted` filters them, as pyarrow takes it."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, filters=wanted)
    rows: list[Row] = table.drop_columns(list(MAPS)).to_pylist()
    for name in MAPS:
        for row, each in zip(rows, maps_of(table, name), strict=True):
            row[name] = each
    return rows


def maps_of(table: Any, name: str) -> list[np.ndarray | None]:
    """Maps (H, W) of a column; None where there is none."""
    found: list[np.ndarray | None] = []
    for chunk in table[name].chunks:
        values = chunk.storage.flatten().to_numpy(zero_copy_only=False)
        maps = values.reshape(-1, *chunk.type.shape)
        found += [None if np.isnan(each[0, 0]) else each for each in maps]
    return found


def _compare(old: dict[str, Any], new: dict[str, Any], folder: Path) -> None:
    """Refuses a manifest that differs, and says in what."""
    faults = []
    for name in MANIFEST_FIELDS:
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            faults += [
                f"{each} {was.get(each)!r}, not {now.get(each)!r}"
                for each in was | now
                if was.get(each) != now.get(each)
            ]
        elif name in ("network", "list"):
            faults.append(f"another {name}")
        else:
            faults.append(f"{name} {was!r}, not {now!r}")
    if faults:
        raise OtherRunError(
            f"dataset: {folder} is of a run with {'; '.join(faults)}. Give what it had, or name "
            "another folder."
        )
