"""A benchmark's command line and its record: header, settings, checks, targets, results."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.common.machine import ROOT, commit, load, machine, versions

RESULTS = ROOT / "bench" / "results"


class Option(NamedTuple):
    """An option of a benchmark; its name is a key of `OPTIONS`.

    A list takes several values, False is a switch, and None is an optional text.
    """

    default: Any
    help: str = " "  # argparse adds the default to any text but none
    choices: Sequence[Any] | None = None


class Outcome(NamedTuple):
    """What a benchmark found."""

    results: Any  # the figures
    checks: Sequence[str] = ()  # what was found correct before timing, in words
    targets: Sequence[Mapping[str, Any]] = ()  # what `target` made
    settings: Mapping[str, Any] = {}  # beside the options
    about: Mapping[str, Any] = {}  # beside the header
    raw: Any = None  # single runs, for results/raw/, which git ignores


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


def parser(description: str | None, options: Mapping[str, Option]) -> argparse.ArgumentParser:
    """A parser of a benchmark's own options and of `--results`."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("--results", type=Path, default=RESULTS, help="folder of the JSON")
    for name, (default, text, choices) in options.items():
        flag = f"--{name.replace('_', '-')}"
        if default is False:
            made.add_argument(flag, action="store_true", help=text)
            continue
        one = default[0] if isinstance(default, list) else default
        made.add_argument(
            flag,
            default=default,
            type=str if one is None else type(one),
            nargs="+" if isinstance(default, list) else None,
            choices=choices,
            help=text,
        )
    return made


def main(
    name: str | Callable[[argparse.Namespace], str],
    description: str | None,
    options: Mapping[str, Option],
    measure: Callable[[argparse.Namespace], Outcome | Iterator[Outcome]],
) -> None:
    """Parses the command line, measures, writes <results>/<name>.json, and prints its tables.

    Args:
        name: Of the result; or what makes it of the options.
        description: For `--help`.
        options: Of the command line; the values are the settings of the result.
        measure: The benchmark. One that takes long yields what it has, which is written at once.
    """
    from bench.report import pages  # which shows records, and so knows this module

    parsed = parser(description, options).parse_args()
    about = header()
    print_header(about)
    found = measure(parsed)
    for outcome in [found] if isinstance(found, Outcome) else found:
        path = write(parsed, name if isinstance(name, str) else name(parsed), about, outcome)
        print("", *pages.tables_of(path), sep="\n", flush=True)


def header() -> dict[str, Any]:
    """What a figure depends on; take it before measuring."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        "made": now.isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", _module_name(), *sys.argv[1:]]),
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


def _rounded(node: Any) -> Any:
    """The same with eight significant digits."""
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_rounded(value) for value in node]
    return float(f"{node:.8g}") if isinstance(node, float) else node


def _layout(node: Any, column: int = 0) -> str:
    """JSON; what fits into a line of 120 columns stays on one."""
    line = json.dumps(node, ensure_ascii=False)
    if column + len(line) <= 120 or not isinstance(node, (dict, list)):
        return line
    if isinstance(node, dict):
        parts = [f"{json.dumps(key)}: {_layout(node[key], column + 1)}" for key in node]
    else:
        parts = [_layout(value, column + 1) for value in node]
    pad = "\n" + " " * column
    return f"{line[0]}{pad} {f',{pad} '.join(parts)}{pad}{line[-1]}"


def write(options: argparse.Namespace, name: str, about: Mapping[str, Any], found: Outcome) -> Path:
    """Writes <results>/<name>.json and what is raw, prints the targets, and returns the path.

    Args:
        options: Of the command line.
        name: Of the result.
        about: What `header` gave before the measurement.
        found: What was measured.
    """
    settings = {
        key: value
        for key, value in vars(options).items()
        if key != "results" and not key.endswith("_python")  # places on this machine
    }
    document = {
        "name": name,
        **about,
        **found.about,
        "load_after": load(),
        "settings": {**settings, **found.settings},
        "checks": found.checks,
        "targets": found.targets,
        "results": found.results,
    }
    folder = options.results
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(folder / f"{name}.json")
    path.write_text(_layout(_rounded(document)) + "\n", encoding="utf-8")
    if found.raw is not None:
        (folder / "raw").mkdir(exist_ok=True)
        (folder / "raw" / path.name).write_text(json.dumps(found.raw), encoding="utf-8")
    for line in found.targets:
        print(
            f"target {'met' if line['met'] else 'MISSED'}: {line['what']}: "
            f"{line['measured']:.3g} ({line['bound']} {line['limit']:g})"
        )
    print(f"wrote {path}")
    return path
