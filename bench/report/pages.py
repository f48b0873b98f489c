"""Fills the tables, sentences and charts of the pages from bench/results/*.json.

A table stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; what was there is replaced.
Without a result it says which command measures it.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.common import record
from bench.common.machine import ROOT
from bench.report import charts, dataset, micro, peers, quality
from bench.report.table import Column, Row, Table, render

PAGES = ("README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")))
IMAGES = ROOT / "docs" / "images"
Results = dict[str, dict[str, Any]]
_KNOWN = ("python", "mindspore", "mindspore-xai", "numpy", "pillow")  # others are named
_MARKER = re.compile(r"(<!-- bench:([a-z0-9_]+) -->\n).*?(<!-- /bench:\2 -->)", re.DOTALL)
_NO_NPU = "Not measured: no Ascend NPU was at hand, and no benchmark for one is written.\n"


def _targets(results: Results) -> Iterator[Row]:
    for result in results.values():
        yield from result["targets"]


TABLES: dict[str, Table | list[Table]] = {
    **micro.TABLES,
    **peers.TABLES,
    **quality.TABLES,
    **dataset.TABLES,
    "targets": Table(
        "Targets and what was measured",
        "",
        _targets,
        [
            Column("target", "what"),
            Column("bound", lambda row: f"{row['bound']} {row['limit']:.3g}"),
            Column("measured", "measured", ".3g"),
            Column("met", lambda row: "yes" if row["met"] else "**no**"),
        ],
    ),
}
SENTENCES = {**peers.SENTENCES, **quality.SENTENCES}
TEXTS = {"ops_ascend": _NO_NPU, "roofline_ascend": _NO_NPU}


def origin(result: Row) -> str:
    """One line: machine, versions, commit, load, command at that commit."""
    box, versions = result["machine"], result["versions"]
    changed = " with uncommitted changes" if result["dirty"] else ""
    loads = f"{result['load_before'][0]:g} before, {result['load_after'][0]:g} after"
    others = [f"{name} {text}, " for name, text in versions.items() if name not in _KNOWN]
    return (
        f"{result['made'][:10]}, {box['cpu']} (family/model {box['family_model']}), "
        f"{box['usable_cores']} cores, {box['memory_gib']:g} GiB, {box['kernel']}; "
        f"Python {versions['python']}, MindSpore {versions['mindspore']}, "
        f"{''.join(others)}NumPy {versions['numpy']}; commit {result['commit'][:12]}{changed}; "
        f"load {loads}. `{result['command']}`\n"
    )


def _missing(source: str) -> str:
    command = "bench/gpu.sh all" if source == "gpu" else f"python bench/run.py --suite {source}"
    return f"Not measured yet: `{command}`.\n"


def text_of(name: str, results: Results) -> str:
    """What stands between the markers of a table, a sentence or the charts.

    Raises:
        ValueError: There is nothing of this name.
    """
    if name in TEXTS:
        return TEXTS[name]
    if name == "charts":
        return "\n".join(
            f"{chart.sentence(results[chart.source])}\n\n![{chart.title}](images/{file})\n"
            if chart.source in results
            else _missing(chart.source)
            for file, chart in charts.CHARTS.items()
        )
    if name in SENTENCES:
        source, make = SENTENCES[name]
        return (make(results[source]) if source in results else "") or _missing(source)
    if name not in TABLES:
        raise ValueError(f"report: there is no table {name!r}.")
    found = TABLES[name]
    tables = found if isinstance(found, list) else [found]
    source = tables[0].source
    if not source:
        return render(tables[0], results)
    if source not in results:
        return _missing(source)
    text = "\n".join(filter(None, (render(table, results[source]) for table in tables)))
    return f"{text}\n{origin(results[source])}" if tables[0].title else text


def fill(page: str, results: Results) -> str:
    """The page with every table made anew."""
    return _MARKER.sub(lambda m: f"{m[1]}\n{text_of(m[2], results)}\n{m[3]}", page)


def load_results(folder: Path) -> Results:
    """Results by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def tables_of(path: Path) -> list[str]:
    """Tables of one result."""
    results = {path.stem: json.loads(path.read_text(encoding="utf-8"))}
    named = {
        name: found if isinstance(found, Table) else found[0] for name, found in TABLES.items()
    }
    return [text_of(name, results) for name, table in named.items() if table.source == path.stem]


def stale(results: Results, *, write: bool) -> list[str]:
    """Pages and charts that are not what the results make of them; with `write`, made anew."""
    found = []
    for name in PAGES:
        path = ROOT / name
        page = path.read_text(encoding="utf-8")
        filled = fill(page, results)
        if filled != page:
            found.append(name)
            if write:
                path.write_text(filled, encoding="utf-8")
    for file, draw in charts.drawings(results).items():
        if charts.digest_in(IMAGES / file) != draw.digest:
            found.append(f"docs/images/{file}")
            if write:
                charts.save(draw, IMAGES / file)
    return found


def main() -> None:
    """Rewrites the pages and charts; with --check only says which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=record.RESULTS)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    options = parser.parse_args()
    results = load_results(options.results)
    found = stale(results, write=not options.check)
    print(*(f"{name}: {'stale' if options.check else 'made'}" for name in found), sep="\n")
    if options.check and found:
        raise SystemExit("not generated from bench/results: run `python -m bench.report`")
