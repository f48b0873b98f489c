"""A directory of explanations, or rows of it, as the pictures of a report."""

from __future__ import annotations

import collections
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.dataset.exports.pictures import picture_of
from fastxai.report.model import Report, ReportEntry, ReportMap

if TYPE_CHECKING:
    from fastxai.dataset.files import Row
    from fastxai.dataset.reader import Explanations

_OF_MAPS = ("map", "standard_error")
_CURVES = ("deletion", "insertion")


def summary_of(found: Explanations, rows: Iterable[Row]) -> list[tuple[str, str]]:
    """Labels and texts: network, explainer, settings, versions, counts, seconds.

    Args:
        found: The directory.
        rows: All its rows, without maps.
    """
    known = found.manifest
    images: dict[str, Row] = {}
    counts: collections.Counter[str] = collections.Counter()
    for row in rows:
        images.setdefault(row["id"], row)
    for row in images.values():
        if row["error"] is not None:
            counts["failed"] += 1
        elif row["label"] is not None and not known["settings"].get("score"):
            counts["right" if row["label"] == row["predicted"] else "wrong"] += 1
    seconds = sum(row["seconds"] for row in images.values())
    given = "" if known["images"] is None else f" of {known['images']}"
    words = [f"{len(images)}{given}", *(f"{number} {word}" for word, number in counts.items())]
    texts = {
        "explainer": known["explainer"],
        "network": known["network"],
        "pictures": ", ".join(words),
        "seconds": f"{seconds:.1f}",
        "seed": known["seed"],
    }
    for name, value in (known["settings"] | known["versions"]).items():
        texts.setdefault(name, value)
    return [(name, _text(value)) for name, value in texts.items()]


def entries_of(found: Explanations) -> Iterator[ReportEntry]:
    """The pictures in the order of the run, a file of the directory at a time."""
    for _, group in itertools.groupby(found, key=lambda row: row["id"]):
        yield entry_of(found.manifest, list(group))


def entry_of(manifest: dict[str, Any], rows: Sequence[Row]) -> ReportEntry:
    """A picture, of rows with their maps that are all of it."""
    first = rows[0]
    errors = [row["error"] for row in rows if row["error"] is not None]
    maps = [_map(manifest, row) for row in rows if row["map"] is not None]
    picture = None
    if first["path"] is not None:
        try:
            picture = picture_of(manifest, first["path"])
        except (OSError, ValueError) as error:
            if maps:  # else it is why there are none, and said already
                errors.append(f"the photograph is not shown: {error}")
    return ReportEntry(
        first["id"],
        None if picture is None else picture.photograph,
        None if picture is None else picture.box,
        maps,
        first["predicted"] if first["predicted"] >= 0 else None,
        first["label"],
        "; ".join(dict.fromkeys(errors)),
    )


def report_of(manifest: dict[str, Any], row: Row) -> Report:
    """A page of one row."""
    summary = [("explainer", manifest["explainer"]), ("seed", _text(manifest["seed"]))]
    if row["error"] is None:
        summary += [("masks", str(row["num_masks"])), ("seconds", f"{row['seconds']:.1f}")]
    return Report(row["id"], summary, [entry_of(manifest, [row])])


def _map(manifest: dict[str, Any], row: Row) -> ReportMap:
    error, rho = row["standard_error"], row["correlation"]
    facts = {name: value for name, value in row.items() if name not in _OF_MAPS}
    return ReportMap(
        manifest["explainer"],
        row["target"],
        row["map"].astype(np.float32),
        row["class_name"],
        row["probability"],
        None if error is None else error.astype(np.float32),
        rho,
        {"run": manifest, "map": facts},
        {name: row[name] for name in _CURVES if row.get(name) is not None},
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
