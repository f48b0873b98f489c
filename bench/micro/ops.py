"""Every operator on the CPU against a fill of as many bytes, as image, batch and mask count grow.

Operators are called as `fastxai.ops`, natively, so what Python spends on a call is in their times,
and so are the pages of a result that a call allocates (mask_grid, mask_upsample and the maps). The
ceiling is a fill of as many bytes as the operator writes, past the caches or through them,
whichever was faster at its best. Operator and fills take turns.
"""

from __future__ import annotations

import argparse
from typing import Any

import fastxai
from bench.common import record, timing
from bench.micro import fill
from bench.micro.op_calls import BUILDERS, Call, check
from bench.micro.op_costs import FORMULAS, Point, points
from fastxai.ops import native_info

LEAST = 2e-3  # seconds of a sample, at least
OPTIONS = {
    "ops": record.Option(list(BUILDERS), choices=list(BUILDERS)),
    "repeats": record.Option(21),
    "warmup": record.Option(3),
    "threads": record.Option(0, "0: one per usable core"),
}


def one_after_other(calls: list[Call]) -> Call:
    """A run: all its calls."""

    def run() -> None:
        for call in calls:
            call()

    return run


def measure_point(
    library: Any, op: str, point: Point, options: argparse.Namespace
) -> dict[str, Any]:
    """Seconds of a run and of fills of as many bytes, in turns."""
    calls = BUILDERS[op](point, "native")
    cost = FORMULAS[op].cost(point.size, point.batch)
    target = fill.aligned((-(-cost.written // fill.LINE) * fill.LINE // 4,))
    contenders = {op: one_after_other(calls)}
    for name, call in fill.calls(library, target, options.threads).items():
        contenders[name] = one_after_other([call] * len(calls))
    samples = timing.interleave(
        contenders,
        options.repeats,
        warmup=options.warmup,
        calls=timing.equal_calls(contenders, least=LEAST),
    ).wall
    ceiling = min(fill.FILLS, key=lambda name: min(samples[name]))
    return {
        "op": op,
        **point._asdict(),
        "written_bytes": cost.written * len(calls),
        "read_bytes": cost.read * len(calls),
        "operations": cost.operations * len(calls),
        "seconds": {name: timing.summary(values) for name, values in samples.items()},
        "ceiling": ceiling,
        "share_of_ceiling": timing.summary(timing.ratios(samples[ceiling], samples[op])),
    }


def measure(options: argparse.Namespace) -> record.Outcome:
    """Checks every operator, then measures all of its points."""
    options.threads = options.threads or record.machine()["usable_cores"]
    fastxai.set_num_threads(options.threads)
    checks = [check(op) for op in options.ops]
    library = fill.build()
    rows = []
    for op in options.ops:
        for point in points(op):
            print(op, point, flush=True)
            rows.append(measure_point(library, op, point, options))
    about = {"fastxai": {"version": fastxai.__version__, **native_info()}}
    return record.Outcome(rows, checks, about=about)


if __name__ == "__main__":
    record.main("ops", __doc__, OPTIONS, measure)
