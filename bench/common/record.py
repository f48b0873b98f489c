"""The record of a benchmark: command line, header, targets, the JSON of its results."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.common.machine import ROOT, commit, load, machine, versions

RESULTS = ROOT / "bench" / "results"


def target(what: str, measured: float, limit: float, *, at_least: bool) -> dict[str, Any]:
    """A target with what was measured and whether it is met."""
    met = measured >= limit if at_least else measured <= limit
    return {
        "what": what,
        "limit": limit,
        "bound": "at least" if at_least else "at most",
        "measured": measured,
        "met": met,
    }


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument(
        "--results", type=Path, default=RESULTS, help="folder that the JSON is written to"
    )
    return made


def header() -> dict[str, Any]:
    """What a figure depends on; take it before measuring."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "made": now.isoformat(timespec="seconds"),
        "command": " ".join(["python", "-m", _module_name(), *sys.argv[1:]]),
        "machine": machine(),
        "versions": versions(),
        **commit(),
        "threads": {
            name: os.environ[name]
            for name in ("OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")
            if name in os.environ
        },
        "load_before": load(),
    }


def _module_name() -> str:
    spec = sys.modules["__main__"].__spec__
    return spec.name if spec else Path(sys.argv[0]).stem


def print_header(about: Mapping[str, Any]) -> None:
    """Prints the machine, the versions and the commit."""
    box = about["machine"]
    print(
        f"{box['cpu']}, {box['usable_cores']} of {box['cores']} cores, {box['memory_gib']} GiB, "
        f"{box['kernel']}, load {about['load_before']}"
    )
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()))
    print(f"commit {about['commit'][:12]}{' with changes' if about['dirty'] else ''}")


def write(
    folder: Path,
    name: str,
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
    results: Any,
    checks: Sequence[str],
    targets: Sequence[Mapping[str, Any]],
) -> Path:
    """Writes results/<name>.json, prints the targets, and returns the path.

    Args:
        folder: Where to.
        name: Of the benchmark.
        about: What `header` gave before the measurement.
        settings: What was measured, by option.
        results: The figures.
        checks: What was found correct before timing, in words.
        targets: What `target` made.
    """
    document = {
        "name": name,
        **about,
        "load_after": load(),
        "settings": dict(settings),
        "checks": list(checks),
        "targets": list(targets),
        "results": results,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for line in targets:
        verdict = "met" if line["met"] else "MISSED"
        print(
            f"target {verdict}: {line['what']}: {line['measured']:.3g} "
            f"({line['bound']} {line['limit']:g})"
        )
    print(f"wrote {path}")
    return path
