"""Samples of FiftyOne with heatmaps over the photographs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.exports.pictures import frame_of, picture_of

if TYPE_CHECKING:
    from fastxai.dataset.files import Row
    from fastxai.dataset.reader import Explanations

_FACTS = ("target", "probability", "correlation", "num_masks")  # kept with a heatmap


def samples(found: Explanations) -> list[Any]:
    """The samples, as `Explanations.to_fiftyone` says."""
    try:
        import fiftyone
    except ImportError as error:
        raise ImportError("to_fiftyone needs fiftyone: pip install fiftyone") from error
    made = []
    for name, group in itertools.groupby(found, key=lambda row: row["id"]):
        rows = list(group)
        if rows[0]["path"] is None:
            raise ValueError(f"to_fiftyone: {name!r} has no file, which a sample needs.")
        made.append(_sample(fiftyone, found.manifest, rows))
    return made


def _sample(fiftyone: Any, manifest: dict[str, Any], rows: Sequence[Row]) -> Any:
    first = rows[0]
    sample = fiftyone.Sample(filepath=os.path.abspath(first["path"]))
    sample["image_id"] = first["id"]
    names = manifest["class_names"]
    if first["label"] is not None:
        sample["ground_truth"] = fiftyone.Classification(label=_name(names, first["label"]))
    if first["predicted"] >= 0:
        top = (row["probability"] for row in rows if row["target"] == first["predicted"])
        sample["prediction"] = fiftyone.Classification(
            label=_name(names, first["predicted"]), confidence=next(top, None)
        )
    if errors := [row["error"] for row in rows if row["error"] is not None]:
        sample["error"] = "; ".join(errors)
    with_maps = [row for row in rows if row["map"] is not None]
    for number, row in enumerate(with_maps, 1):
        field = "saliency" if number == 1 else f"saliency_{number}"
        sample[field] = _heatmap(fiftyone, manifest, row)
    return sample


def _heatmap(fiftyone: Any, manifest: dict[str, Any], row: Row) -> Any:
    values = row["map"].astype(np.float32)
    low, high = float(values.min()), float(values.max())
    facts = {name: row[name] for name in _FACTS}
    return fiftyone.Heatmap(
        map=_over_photograph(manifest, row["path"], values),
        range=[low, high if high > low else low + 1],
        explainer=manifest["explainer"],
        label=_name(manifest["class_names"], row["target"]),
        **facts,
    )


def _over_photograph(manifest: dict[str, Any], path: str, values: np.ndarray) -> np.ndarray:
    """A map as large as the resized photograph; its least value where the network saw nothing."""
    frame = frame_of(manifest)
    if frame.crop is None:
        return values
    width, height = frame.resized(picture_of(manifest, path).photograph.size)
    left, upper, right, lower = frame.cut((width, height))
    whole = np.full((height, width), values.min(), np.float32)
    whole[upper:lower, left:right] = values
    return whole


def _name(names: list[str] | None, number: int) -> str:
    return str(number) if names is None else str(names[number])
