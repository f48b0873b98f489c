"""What every benchmark shares: interleaved timing, statistics, header, JSON results."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.machine import ROOT, commit, load, machine, versions

RESULTS = ROOT / "bench" / "results"


def quantile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie, interpolated linearly.

    Raises:
        ValueError: There are no samples, or `share` is outside [0, 1].
    """
    if not samples or not 0.0 <= share <= 1.0:
        raise ValueError(f"quantile: {len(samples)} samples, share {share}.")
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Median and spread: median, min, max, q1, q3 and their number."""
    return {
        "median": statistics.median(samples),
        "min": min(samples),
        "max": max(samples),
        "q1": quantile(samples, 0.25),
        "q3": quantile(samples, 0.75),
        "repeats": len(samples),
    }


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Ratio of each repeat, so that what slowed both down in a repeat cancels.

    Raises:
        ValueError: They are not of the same length.
    """
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def rotation(names: Sequence[str], repeat: int) -> list[str]:
    """Order of the contenders in a repeat: each comes first, second, ... equally often."""
    start = repeat % len(names)
    return [*names[start:], *names[:start]]


class Samples(NamedTuple):
    """Seconds of one call, by contender, one value per repeat."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]  # of all threads of the process: what others run does not count


def interleave(
    contenders: Mapping[str, Callable[[], Any]],
    repeats: int,
    *,
    warmup: int = 1,
    calls: int | Mapping[str, int] = 1,
    clocks: tuple[Callable[[], float], Callable[[], float]] = (
        time.perf_counter,
        time.process_time,
    ),
) -> Samples:
    """Times contenders in turn; which of them comes first changes from repeat to repeat.

    Args:
        contenders: What to call, by name.
        repeats: Samples of each.
        warmup: Untimed samples of each, before all others.
        calls: Calls that make one sample, of all contenders or by name.
        clocks: Wall clock and processor clock, in seconds.

    Returns:
        Seconds of one call.

    Raises:
        ValueError: A number is below its least.
    """
    number = dict.fromkeys(contenders, calls) if isinstance(calls, int) else dict(calls)
    if repeats < 1 or min(number.values()) < 1 or warmup < 0:
        raise ValueError(f"interleave: repeats {repeats}, calls {calls}, warmup {warmup}.")
    samples = Samples({name: [] for name in contenders}, {name: [] for name in contenders})
    names = list(contenders)
    for repeat in range(-warmup, repeats):
        for name in rotation(names, repeat):
            run = contenders[name]
            start = [clock() for clock in clocks]
            for _ in range(number[name]):
                run()
            seconds = [clock() - begun for clock, begun in zip(clocks, start, strict=True)]
            if repeat >= 0:
                for kept, value in zip(samples, seconds, strict=True):
                    kept[name].append(value / number[name])
    return samples


def equal_calls(
    contenders: Mapping[str, Callable[[], Any]],
    *,
    least: float = 0.0,
    timer: Callable[[], float] = time.perf_counter,
) -> dict[str, int]:
    """Calls per sample so that samples of all contenders take about as long as the slowest's.

    Or `least` seconds, where that is longer: a clock does not measure microseconds well.

    Without it a short contender fits between two interruptions by other processes, and a long
    one does not: on a busy machine that is an advantage of its own.
    """
    seconds = {}
    for name, run in contenders.items():
        run()
        start = timer()
        run()
        seconds[name] = timer() - start
    longest = max(least, *seconds.values())
    return {name: max(1, round(longest / value)) for name, value in seconds.items()}


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
    return f"bench.{Path(sys.argv[0]).stem}"


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


def run_worker(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str | None] | None = None,
    *,
    python: str = sys.executable,
) -> Any:
    """Runs `python -m module` in a process of its own; its last line of output is JSON.

    Args:
        module: What to run.
        arguments: Its arguments.
        environment: Variables to set, or to remove if None.
        python: Program that runs it.

    Raises:
        RuntimeError: It failed; why is on standard error.
    """
    variables = {"GLOG_v": "3", **os.environ}  # MindSpore's log: errors only
    for name, value in (environment or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    done = subprocess.run(
        [python, "-m", module, *arguments],
        env=variables,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"failed, see above: {module} {' '.join(arguments)}")
    return json.loads(done.stdout.strip().splitlines()[-1])
