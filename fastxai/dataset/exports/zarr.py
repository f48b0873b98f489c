"""Columns and maps as arrays of Zarr."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.schema import COLUMNS, MAPS
from fastxai.system.atomic_folder import new_folder

if TYPE_CHECKING:
    from fastxai.dataset.exports import Progress
    from fastxai.dataset.reader import Explanations

_CHUNK = 2**22  # bytes of maps in a chunk, about
_CHUNK_ROWS = 2**14  # of a column, at most
_DIMENSIONS = "_ARRAY_DIMENSIONS"  # attribute that names axes, as xarray reads it
# Zarr's type of a column, and what stands for null, which Zarr lacks.
_KINDS: dict[str, tuple[Any, Any]] = {
    "string": (str, ""),
    "int64": ("int64", -1),
    "float64": ("float64", np.nan),
}


def write(found: Explanations, folder: str | os.PathLike[str], progress: Progress = None) -> int:
    """Writes a Zarr group, as `Explanations.to_zarr` says; returns the number of rows."""
    try:
        import zarr
    except ImportError as error:
        raise ImportError("to_zarr needs zarr: pip install 'fastxai[zarr]'") from error
    rows, sizes = found.rows(), found.map_sizes()
    known = [each for each in sizes if each is not None] or [(1, 1)]
    largest = max(height for height, _ in known), max(width for _, width in known)
    with new_folder(folder) as draft:
        attributes = {"format": found.manifest["format"], "manifest": found.manifest}
        group = zarr.open_group(str(draft), mode="w", zarr_format=2, attributes=attributes)
        for name, kind, _ in COLUMNS:
            if kind in _KINDS:
                _write_column(group, name, [row[name] for row in rows], *_KINDS[kind])
        for axis, name in enumerate(("height", "width")):
            _write_column(group, name, [(each or (0, 0))[axis] for each in sizes], "int64", 0)
        _write_maps(group, found, len(rows), largest, progress)
        zarr.consolidate_metadata(str(draft), zarr_format=2)
    return len(rows)


def _write_column(group: Any, name: str, values: list[Any], kind: Any, null: Any) -> None:
    filled = [null if value is None else value for value in values]
    array = group.create_array(
        name,
        shape=(len(filled),),
        chunks=(max(1, min(len(filled), _CHUNK_ROWS)),),
        dtype=kind,
        attributes={_DIMENSIONS: ["row"]},
    )
    if filled:
        array[:] = np.array(filled, object if kind is str else kind)


def _write_maps(
    group: Any, found: Explanations, count: int, size: tuple[int, int], progress: Progress
) -> None:
    """Writes maps and standard errors, some at a time."""
    dtype = np.dtype(found.manifest["dtype"])
    step = max(1, min(count, _CHUNK // max(1, dtype.itemsize * size[0] * size[1])))
    names = MAPS if found.manifest["settings"]["uncertainty"] else MAPS[:1]
    arrays = {
        name: group.create_array(
            name,
            shape=(count, *size),
            chunks=(step, *size),
            dtype=dtype.name,
            fill_value=np.nan,
            attributes={_DIMENSIONS: ["row", "y", "x"]},
        )
        for name in names
    }
    rows, first = iter(found), 0
    while some := list(islice(rows, step)):
        for name, array in arrays.items():
            maps: list[np.ndarray | None] = [row[name] for row in some]
            array[first : first + len(some)] = _padded(maps, size, dtype)
        first += len(some)
        if progress is not None:
            progress(first, count)


def _padded(maps: list[np.ndarray | None], size: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Maps in the upper left corner of one size, NaN around them."""
    filled = np.full((len(maps), *size), np.nan, dtype)
    for place, each in enumerate(maps):
        if each is not None:
            filled[place, : each.shape[0], : each.shape[1]] = each
    return filled
