"""Compares two results of benchmarks, files or folders, and fails past a stated slowdown.

    python -m bench.common.compare OLD NEW [--limit 1.2]

A case is a time or a rate in both results; its slowdown is new over old time, or old over new rate,
of the medians. Fills, bare passes and other libraries are listed, but do not fail. Exit code: 0 no
case of fastxai's is slower than the limit, 1 one is, 2 the results cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.report.table import table

SLOWER, REFUSED = 1, 2
_FREE = ("repeats", "warmup", "calls", "large_repeats", "occlusion_repeats")  # change no figure
_MACHINE = ("cpu", "family_model", "usable_cores")
_NOTES = ("made", "commit", "operations", "ceiling", "failed")  # scalars that name no case
# How the names of what is measured beside fastxai begin: ceilings and other libraries.
_CEILINGS = ("stream_fill", "plain_fill", "fill", "zero", "bare", "inside", "network_alone")
_OTHERS = ("peer", "pytorch", "plain", "torch", "captum", "mindspore", "openvino_xai")


class NotComparableError(ValueError):
    """Two results are not of the same benchmark, settings and machine."""


class Figure(NamedTuple):
    """A time in seconds or microseconds, or a rate."""

    value: float
    is_rate: bool
    ours: bool


def _kind(key: str) -> str | None:
    if key.endswith("per_s"):
        return "rate"
    if key == "seconds" or key.startswith("us_per") or key.endswith(("_s", "_s_extrapolated")):
        return "time"
    return None


def is_ours(path: Sequence[str]) -> bool:
    """Whether a figure is of fastxai, not of a ceiling or another library."""
    words = [field.rpartition("=")[2].lower() for part in path for field in part.split()]
    if any(word.startswith("fastxai") for word in words):  # also by MindSpore's engine
        return True
    return not any(word.startswith(_CEILINGS + _OTHERS) for word in words)


def _label(row: dict[str, Any]) -> str:
    """What tells a row of a list from the others: its texts and whole numbers."""
    parts = [
        f"{key}={value}"
        for key, value in row.items()
        if isinstance(value, (str, int))
        and not isinstance(value, bool)
        and key not in _NOTES
        and not key.endswith("_bytes")
    ]
    return " ".join(parts)


def figures(
    node: Any, path: tuple[str, ...] = (), kind: str | None = None
) -> Iterator[tuple[str, Figure]]:
    """Every time and rate below a node of a result, with the name of its case."""
    if isinstance(node, dict) and "median" in node and kind:
        node = node["median"]
    if isinstance(node, list):
        for number, row in enumerate(node):
            label = _label(row) if isinstance(row, dict) else ""
            yield from figures(row, (*path, label or str(number)), kind)
    elif isinstance(node, dict):
        # Where seconds are written down, other times and rates are made of them.
        keys = [key for key in node if "seconds" not in node or key == "seconds" or not _kind(key)]
        for key in keys:
            yield from figures(node[key], (*path, key), kind or _kind(key))
    elif kind and isinstance(node, (int, float)) and not isinstance(node, bool):
        yield " / ".join(path), Figure(float(node), kind == "rate", is_ours(path))


def load(path: Path) -> dict[str, Any]:
    """A result.

    Raises:
        NotComparableError: It cannot be read or is not a result of a benchmark.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotComparableError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not {"name", "machine", "settings", "results"} <= set(found):
        raise NotComparableError(f"{path}: not a result of a benchmark")
    return found


def check_alike(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuses results whose times mean different things.

    Raises:
        NotComparableError: They differ in benchmark, machine or settings.
    """
    if old["name"] != new["name"]:
        raise NotComparableError(f"results of two benchmarks: {old['name']} and {new['name']}")
    for part, keys in (("machine", _MACHINE), ("settings", None)):
        one, other = old[part], new[part]
        for key in keys or sorted({*one, *other} - set(_FREE)):
            if one.get(key) != other.get(key):
                what = f"{part} `{key}`: {one.get(key)} and {other.get(key)}"
                raise NotComparableError(f"{old['name']}: {what}")


class Case(NamedTuple):
    """One figure of two results."""

    name: str
    old: float
    new: float
    slowdown: float
    ours: bool


def cases(old: dict[str, Any], new: dict[str, Any]) -> list[Case]:
    """The figures above 0 that both results have; none of results that have no times.

    Raises:
        NotComparableError: They have times, but of no case in common.
    """
    before, after = dict(figures(old["results"])), dict(figures(new["results"]))
    found = []
    for name, one in before.items():
        other = after.get(name)
        if other is None or min(one.value, other.value) <= 0.0:
            continue
        ratio = one.value / other.value if one.is_rate else other.value / one.value
        found.append(Case(f"{old['name']}: {name}", one.value, other.value, ratio, one.ours))
    if not found and (before or after):
        raise NotComparableError(f"{old['name']}: no time or rate is in both")
    for name in sorted({*before} ^ {*after}):
        print(f"{old['name']}: {name}: only in the {'old' if name in before else 'new'} result")
    return found


def pairs(old: Path, new: Path) -> list[tuple[Path, Path]]:
    """The files to compare.

    Raises:
        NotComparableError: A file and a folder, something missing, or no file of one name in both.
    """
    if not (old.exists() and new.exists()) or old.is_dir() != new.is_dir():
        raise NotComparableError(f"{old} and {new} are not two files or two folders")
    if not old.is_dir():
        return [(old, new)]
    names = [{path.name for path in folder.glob("*.json")} for folder in (old, new)]
    for name in sorted(names[0] ^ names[1]):
        print(f"{name}: only in {old if name in names[0] else new}, not compared")
    if not names[0] & names[1]:
        raise NotComparableError(f"{old} and {new} have no result of the same name")
    return [(old / name, new / name) for name in sorted(names[0] & names[1])]


def report(found: Sequence[Case], limit: float) -> str:
    """A table of all cases, the slowest first."""
    rows = []
    for case in sorted(found, key=lambda case: -case.slowdown):
        said = "" if case.ours else "not ours"
        if case.ours and case.slowdown > limit:
            said = "**slower**"
        figures_of = [f"{case.old:.4g}", f"{case.new:.4g}", f"{case.slowdown:.3f}", said]
        rows.append([case.name, *figures_of])
    return table(["case", "old", "new", "slowdown", ""], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table and the verdict, and returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--limit", type=float, default=1.2, help="slowdown allowed; 1.2 by default")
    options = parser.parse_args(arguments)
    found: list[Case] = []
    refused = []
    try:
        for old, new in pairs(options.old, options.new):
            try:
                results = load(old), load(new)
                check_alike(*results)
                found += cases(*results)
            except NotComparableError as error:
                refused.append(str(error))
    except NotComparableError as error:
        refused.append(str(error))
    if found:
        print(report(found, options.limit))
    elif not refused:
        refused.append("there is no time or rate in them")
    slower = [case.name for case in found if case.ours and case.slowdown > options.limit]
    print(f"{len(found)} cases, {len(slower)} slower than {options.limit:g} times")
    for line in refused:
        print(f"bench.compare: cannot be compared: {line}", file=sys.stderr)
    return REFUSED if refused else SLOWER if slower else 0


if __name__ == "__main__":
    raise SystemExit(main())
