"""Every operator on the CPU against a fill of as many bytes, as image, batch and mask count grow.

Operators are called as `fastxai.ops`, natively, so what Python spends on a call is in their times,
and so are the pages of a result that a call allocates (mask_grid, mask_upsample and the maps). The
ceiling is a fill of as many bytes as the operator writes, past the caches or through them,
whichever was faster at its best. Operator and fills take turns.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from bench.common import record, timing
from bench.micro.masked_product import aligned, build_fill
from bench.micro.op_costs import CHANNELS, FORMULAS, TARGETS, window

SIZE, BATCH = 224, 32
SIZES = (64, 224, 512)
BATCHES = (1, 8, 32, 128)
MASKS = (32, 256, 1024)  # of a run in batches of BATCH
MAP_BATCHES = (1, 4, 16)  # maps of a call, of the operators that make maps
LEAST = 2e-3  # seconds of a sample, at least
_LINE = 64  # bytes
_EPS = float(np.finfo(np.float32).eps)
# Largest error over the largest value of the reference; the others are exact.
LIMITS = {
    "mask_upsample": 3 * _EPS,
    "masked_product": 4 * _EPS,
    "saliency_accumulate": 1e-12,
    "saliency_expand": 1e-12,
    "occlusion_sum": 1e-12,
}

Call = Callable[[], Any]


class Point(NamedTuple):
    """Where an operator is measured."""

    size: int  # rows and columns of the image
    batch: int  # masks, windows, copies or maps of a call
    masks: int  # of all calls of a run; a multiple of `batch`

    @property
    def firsts(self) -> range:
        """Index of the first mask of each call."""
        return range(0, self.masks, self.batch)


CHECKED = Point(24, 3, 6)  # small


def sweeps(op: str) -> dict[str, list[Point]]:
    """The points of an operator, by what grows."""
    makes_maps = FORMULAS[op].unit == "map"
    usual = 1 if makes_maps else BATCH
    found = {
        "size": [Point(size, usual, usual) for size in SIZES],
        "batch": [Point(SIZE, n, n) for n in (MAP_BATCHES if makes_maps else BATCHES)],
    }
    if not makes_maps:
        found["masks"] = [Point(SIZE, BATCH, masks) for masks in MASKS]
    return found


def image_of(size: int) -> np.ndarray:
    """A random image that begins with a cache line, as large arrays of one allocator do."""
    image = aligned((CHANNELS, size, size))
    image[...] = np.random.default_rng(0).standard_normal(image.shape)
    return image


def buffer_of(point: Point) -> np.ndarray:
    """A batch to write into, touched."""
    return aligned((point.batch, CHANNELS, point.size, point.size))


def _spec(point: Point) -> Any:
    from fastxai.ops import MaskSpec

    return MaskSpec(seed=0, size=(point.size, point.size))


def _windows(point: Point) -> Any:
    from fastxai.ops import OcclusionSpec

    side, stride, _ = window(point.size)
    return OcclusionSpec((point.size, point.size), (side, side), (stride, stride))


def _mask_grid(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    return [
        functools.partial(ops.mask_grid, _spec(point), first, point.batch, backend=backend)
        for first in point.firsts
    ]


def _mask_upsample(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    spec = _spec(point)
    masks = [ops.mask_grid(spec, first, point.batch) for first in point.firsts]
    return [
        functools.partial(ops.mask_upsample, *mask, spec.size, spec.up_size, backend=backend)
        for mask in masks
    ]


def _masked_product(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    call = functools.partial(ops.masked_product, image_of(point.size), _spec(point))
    out = buffer_of(point)
    return [
        functools.partial(call, first, point.batch, out=out, backend=backend)
        for first in point.firsts
    ]


def _saliency_accumulate(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    spec = _spec(point)
    sums = ops.SaliencySums.zeros(spec, TARGETS)
    scores = np.random.default_rng(0).random((point.batch, TARGETS), np.float32)

    def call(first: int) -> np.ndarray:
        ops.saliency_accumulate(scores, spec, first, sums, backend=backend)
        return sums.sums

    return [functools.partial(call, first) for first in point.firsts]


def _saliency_expand(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    empty = ops.SaliencySums.zeros(_spec(point), point.batch - 1).sums
    sums = np.random.default_rng(0).random(empty.shape)
    size = (point.size, point.size)
    return [functools.partial(ops.saliency_expand, sums, size, backend=backend)]


def _occlusion_fill(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    call = functools.partial(ops.occlusion_fill, image_of(point.size), _windows(point))
    out = buffer_of(point)
    return [
        functools.partial(call, first, point.batch, out=out, backend=backend)
        for first in point.firsts
    ]


def _occlusion_patch(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    image, spec, batch = image_of(point.size), _windows(point), buffer_of(point)
    # What the batch holds before the first call of a run: other windows than after it.
    last = point.firsts[-1] or spec.num_windows - point.batch

    def call(previous: int, first: int) -> np.ndarray:
        ops.occlusion_patch(batch, image, spec, previous, first, backend=backend)
        return batch

    before = [last, *point.firsts[:-1]]
    ops.occlusion_fill(image, spec, last, point.batch, out=batch)
    return [functools.partial(call, *pair) for pair in zip(before, point.firsts, strict=True)]


def _occlusion_sum(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    spec = _windows(point)
    drops = np.random.default_rng(0).random((point.batch, spec.num_windows))
    return [functools.partial(ops.occlusion_sum, drops, spec, backend=backend)]


def _pixel_fill(point: Point, backend: str) -> list[Call]:
    from fastxai import ops

    pixels = point.size**2
    ranks = np.random.default_rng(0).permutation(pixels).astype(np.int32)
    call = functools.partial(
        ops.pixel_fill, image_of(point.size), ranks.reshape(point.size, point.size)
    )
    out = buffer_of(point)
    steps = np.linspace(0, pixels, point.masks + 1)[1:].astype(np.int64)
    intervals = np.stack([np.zeros_like(steps), steps], axis=1)
    return [
        functools.partial(call, intervals[at : at + point.batch], out=out, backend=backend)
        for at in point.firsts
    ]


BUILDERS: dict[str, Callable[[Point, str], list[Call]]] = {
    "mask_grid": _mask_grid,
    "mask_upsample": _mask_upsample,
    "masked_product": _masked_product,
    "saliency_accumulate": _saliency_accumulate,
    "saliency_expand": _saliency_expand,
    "occlusion_fill": _occlusion_fill,
    "occlusion_patch": _occlusion_patch,
    "occlusion_sum": _occlusion_sum,
    "pixel_fill": _pixel_fill,
}


def check(op: str, point: Point = CHECKED) -> str:
    """Compares what an operator makes with the float64 reference, call by call.

    Returns:
        What was found, in words.

    Raises:
        AssertionError: It is off by more than its limit.
    """
    worst = 0.0
    pairs = zip(BUILDERS[op](point, "native"), BUILDERS[op](point, "reference"), strict=True)
    for native, reference in pairs:
        made, expected = native(), reference()
        if not isinstance(made, tuple):
            made, expected = (made,), (expected,)
        for one, other in zip(made, expected, strict=True):
            error = np.abs(one.astype(np.float64) - other.astype(np.float64)).max()
            worst = max(worst, float(error) / max(1.0, float(np.abs(other).max())))
    limit = LIMITS.get(op, 0.0)
    assert worst <= limit, f"{op} is off by {worst}, more than {limit}"
    return f"{op} within {worst:.2g} of the float64 reference (limit {limit:.2g})"


def one_after_other(calls: list[Call]) -> Call:
    """A run: all its calls."""

    def run() -> None:
        for call in calls:
            call()

    return run


def measure(fill: Any, op: str, point: Point, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a run and of fills of as many bytes, in turns."""
    calls = BUILDERS[op](point, "native")
    cost = FORMULAS[op].cost(point.size, point.batch)
    lines = -(-cost.written // _LINE)
    target = aligned((lines * _LINE // 4,))
    contenders = {op: one_after_other(calls)}
    for name in ("stream_fill", "plain_fill"):
        arguments = (target.ctypes.data, lines, 1.5, options.threads)
        contenders[name] = one_after_other(
            [functools.partial(getattr(fill, name), *arguments)] * len(calls)
        )
    samples = timing.interleave(
        contenders,
        options.repeats,
        warmup=options.warmup,
        calls=timing.equal_calls(contenders, least=LEAST),
    ).wall
    ceiling = min(("stream_fill", "plain_fill"), key=lambda name: min(samples[name]))
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


def points(op: str) -> Iterator[Point]:
    """Every point of an operator, once."""
    yield from dict.fromkeys(point for sweep in sweeps(op).values() for point in sweep)


def show(row: dict[str, Any]) -> None:
    """Prints a row."""
    seconds = row["seconds"]
    speed, most = (
        row["written_bytes"] / seconds[name]["median"] / 1e9 for name in (row["op"], row["ceiling"])
    )
    print(
        f"{row['op']:<20} {row['size']:>4} px, {row['masks']:>4} in batches of {row['batch']:>3}: "
        f"{seconds[row['op']]['median'] / row['masks'] * 1e6:8.2f} us each, {speed:7.2f} GB/s of "
        f"{most:6.1f} ({row['ceiling']}), share {row['share_of_ceiling']['median']:.3f}",
        flush=True,
    )


def main() -> None:
    """Checks every operator, then measures all of its points."""
    parser = record.parser(__doc__)
    parser.add_argument("--ops", nargs="+", choices=list(BUILDERS), default=list(BUILDERS))
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: one per usable core")
    options = parser.parse_args()
    about = record.header()
    options.threads = options.threads or about["machine"]["usable_cores"]
    record.print_header(about)
    import fastxai
    from fastxai.ops import native_info

    fastxai.set_num_threads(options.threads)
    about["fastxai"] = {"version": fastxai.__version__, **native_info()}
    checks = [check(op) for op in options.ops]
    fill = build_fill()
    rows = []
    for op in options.ops:
        for point in points(op):
            rows.append(measure(fill, op, point, options))
            show(rows[-1])
    settings = {k: v for k, v in vars(options).items() if k != "results"}
    record.write(options.results, "ops", about, settings, rows, checks, [])


if __name__ == "__main__":
    main()
