"""HDF5 databases and a project of ViRelAy, after its database specification."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.exports.pictures import picture_of
from fastxai.system.atomic_folder import new_folder

if TYPE_CHECKING:
    from fastxai.dataset.exports import Progress
    from fastxai.dataset.files import Row
    from fastxai.dataset.reader import Explanations

PixelsOf = Callable[[str], np.ndarray]  # from an image's id to (H, W, 3) uint8
_INPUT, _ATTRIBUTION = "input.h5", "attribution.h5"
_LABELS, _PROJECT = "label-map.json", "project.yaml"
_MOST_CLASSES = 2**16  # labels are uint16: ViRelAy reads no other scalars


def write(
    found: Explanations,
    folder: str | os.PathLike[str],
    pixels_of: PixelsOf | None = None,
    progress: Progress = None,
) -> int:
    """Writes a project, as `Explanations.to_virelay` says; returns the number of samples."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError("to_virelay needs h5py: pip install 'fastxai[virelay]'") from error
    rows = [row for row in found.rows() if row["error"] is None]
    if not rows:
        raise ValueError("to_virelay: there is no map.")
    names = _class_names(found, rows)
    sizes = {each for each in found.map_sizes() if each is not None}
    like = (len(rows), next(iter(sizes)) if len(sizes) == 1 else None)
    labelled = all(row["label"] is not None for row in rows)
    with new_folder(folder) as draft:
        with (
            h5py.File(draft / _INPUT, "w") as inputs,
            h5py.File(draft / _ATTRIBUTION, "w") as attributions,
        ):
            attributions["index"] = np.arange(len(rows), dtype=np.uint32)
            data = _Table(inputs, "data", *like, 3)
            label = _Table(inputs, "label", *like)
            maps = _Table(attributions, "attribution", *like, 3)
            target = _Table(attributions, "label", *like)
            prediction = _Table(attributions, "prediction", *like, len(names))
            for place, (row, scores) in enumerate(_scored(found, len(names))):
                pixels = _pixels(found.manifest, row, pixels_of)
                data.put(place, pixels.transpose(2, 0, 1) / np.float32(255))
                label.put(place, row["label"] if labelled else row["predicted"])
                maps.put(place, np.stack([row["map"].astype(np.float32) / 3] * 3))
                target.put(place, row["target"])
                prediction.put(place, scores)
                if progress is not None:
                    progress(place + 1, len(rows))
        _write_texts(draft, found, names)
    return len(rows)


class _Table:
    """A value for every sample: a data set where all are of one size, else a group of them.

    Args:
        file: Where it goes.
        name: Its key.
        count: Number of samples.
        size: (H, W) of all maps; None where they differ.
        length: Of the first axis: channels of images, classes of scores; 0 for scalars.
    """

    def __init__(
        self, file: Any, name: str, count: int, size: tuple[int, int] | None, length: int = 0
    ) -> None:
        self._dtype = "float32" if length else "uint16"
        if size is None:
            self._home, self._one = file.create_group(name), False
            return
        is_image = name in ("data", "attribution")
        shape = (count, *(length,) * bool(length), *(size if is_image else ()))
        packed = {"chunks": (1, *shape[1:]), "compression": "gzip"} if is_image else {}
        self._home, self._one = file.create_dataset(name, shape, self._dtype, **packed), True

    def put(self, place: int, value: Any) -> None:
        """Keeps the value of a sample; keys of a group are in the order of the samples."""
        if self._one:
            self._home[place] = value
        else:
            self._home[f"{place:08d}"] = np.asarray(value, self._dtype)


def _class_names(found: Explanations, rows: list[Row]) -> list[str]:
    known = found.manifest["class_names"]
    if known is not None:
        names = [str(name) for name in known]
    else:
        largest = max(max(row["target"], row["predicted"], row["label"] or 0) for row in rows)
        names = [str(number) for number in range(largest + 1)]
    if len(names) > _MOST_CLASSES:
        raise ValueError(f"to_virelay: ViRelAy takes {_MOST_CLASSES} classes, got {len(names)}.")
    return names


def _scored(found: Explanations, classes: int) -> Iterator[tuple[Row, np.ndarray]]:
    """Rows with a map, and the scores (classes,) that are known of their image; else 0."""
    for _, group in itertools.groupby(found, key=lambda row: row["id"]):
        rows = [row for row in group if row["map"] is not None]
        scores = np.zeros(classes, np.float32)
        for row in rows:
            scores[row["target"]] = row["probability"]
        for row in rows:
            yield row, scores


def _pixels(manifest: dict[str, Any], row: Row, pixels_of: PixelsOf | None) -> np.ndarray:
    """What the network saw, (H, W, 3) uint8."""
    if pixels_of is not None:
        pixels = np.asarray(pixels_of(row["id"]))
    elif row["path"] is None:
        raise ValueError(
            f"to_virelay: {row['id']!r} has no file; give `pixels_of`, a function from an id to "
            "its pixels."
        )
    else:
        pixels = np.asarray(picture_of(manifest, row["path"]).seen.convert("RGB"))
    wanted = (*row["map"].shape, 3)
    if pixels.shape != wanted or pixels.dtype != np.uint8:
        raise ValueError(
            f"to_virelay: the pixels of {row['id']!r} must be uint8 of shape {wanted}, got "
            f"{pixels.dtype} of shape {pixels.shape}."
        )
    return pixels


def _write_texts(draft: Path, found: Explanations, names: list[str]) -> None:
    """The names of the classes, and the project: JSON, which YAML's readers read."""
    known = found.manifest
    labels = [
        {"index": number, "word_net_id": f"{number:08d}", "name": name}
        for number, name in enumerate(names)
    ]
    strategy = "true_label" if known["settings"]["targets"][0] == "label" else "predicted_label"
    dataset = {"name": found.folder.name, "type": "hdf5", "path": _INPUT}
    attributions = {
        "attribution_method": known["explainer"],
        "attribution_strategy": strategy,
        "sources": [_ATTRIBUTION],
    }
    project = {
        "name": found.folder.name,
        "model": known["network"],
        "label_map": _LABELS,
        "dataset": dataset,
        "attributions": attributions,
    }
    for name, value in ((_LABELS, labels), (_PROJECT, {"project": project})):
        (draft / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
