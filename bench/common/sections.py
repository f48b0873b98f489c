"""Sections of a benchmark, each in a process of its own: one that fails loses itself alone.

A crash, a hang or an error after which a process cannot use the GPU ends no other section.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.common.machine import ROOT


class SectionError(Exception):
    """A section failed; why, in a line."""


class SectionResults(NamedTuple):
    """Results of the sections so far."""

    results: dict[str, Any]  # by section; None: it failed
    failed: dict[str, str]  # why, by section


Runner = Callable[[str, float], Any]  # of a section, in so many seconds at most


def collect(limits: dict[str, float], run: Runner) -> Iterator[SectionResults]:
    """Runs sections in their order, and yields what there is after each.

    Args:
        limits: Seconds that each may take.
        run: Runs one, or raises SectionError.
    """
    found = SectionResults(dict.fromkeys(limits), {})
    for name, limit in limits.items():
        start = time.perf_counter()
        print(f"\n== {name}, at most {limit:.0f} s", flush=True)
        try:
            found.results[name] = run(name, limit)
            said = "done"
        except SectionError as error:
            found.failed[name] = str(error)
            said = f"FAILED: {error}"
        print(f"== {name}: {said}, after {time.perf_counter() - start:.0f} s", flush=True)
        yield found


def in_a_process(module: str, options: Sequence[str]) -> Runner:
    """What runs a section as `python -m MODULE NAME FILE OPTIONS`.

    The module writes its result into the file, as JSON (`write_section`).
    """

    def run(name: str, limit: float) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            to = Path(folder) / "section.json"
            command = [sys.executable, "-m", module, name, str(to), *options]
            try:
                status = subprocess.run(command, cwd=ROOT, timeout=limit, check=False).returncode
            except subprocess.TimeoutExpired:
                raise SectionError(f"stopped after {limit:.0f} s") from None
            if status != 0 or not to.exists():
                why = to.with_suffix(".why")
                said = why.read_text("utf-8") if why.exists() else f"its process ended: {status}"
                raise SectionError(said)
            return json.loads(to.read_text("utf-8"))

    return run


def write_section(to: Path, section: Callable[[], Any]) -> None:
    """Runs a section and writes its result; an error is written beside it, and raised."""
    try:
        found = section()
    except BaseException as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        to.with_suffix(".why").write_text(said, encoding="utf-8")
        raise
    to.write_text(json.dumps(found), encoding="utf-8")
