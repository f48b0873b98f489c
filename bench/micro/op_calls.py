"""Calls of every operator, natively or by the reference, at a point of bench.micro.op_costs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.micro.fill import aligned
from bench.micro.op_costs import CHANNELS, TARGETS, Point, window
from fastxai import ops

_EPS = float(np.finfo(np.float32).eps)
# Largest error over the largest value of the reference; the others are exact.
LIMITS = {
    "mask_upsample": 3 * _EPS,
    "masked_product": 4 * _EPS,
    "saliency_accumulate": 1e-12,
    "saliency_expand": 1e-12,
    "occlusion_sum": 1e-12,
}

CHECKED = Point(24, 3, 6)  # small

Call = Callable[[], Any]


def image_of(size: int) -> np.ndarray:
    """A random image that begins with a cache line, as large arrays of one allocator do."""
    image = aligned((CHANNELS, size, size))
    image[...] = np.random.default_rng(0).standard_normal(image.shape)
    return image


def buffer_of(point: Point) -> np.ndarray:
    """A batch to write into, touched."""
    return aligned((point.batch, CHANNELS, point.size, point.size))


def _spec(point: Point) -> Any:
    return ops.MaskSpec(seed=0, size=(point.size, point.size))


def _windows(point: Point) -> Any:
    side, stride, _ = window(point.size)
    return ops.OcclusionSpec((point.size, point.size), (side, side), (stride, stride))


def _mask_grid(point: Point, backend: str) -> list[Call]:
    return [
        functools.partial(ops.mask_grid, _spec(point), first, point.batch, backend=backend)
        for first in point.firsts
    ]


def _mask_upsample(point: Point, backend: str) -> list[Call]:
    spec = _spec(point)
    masks = [ops.mask_grid(spec, first, point.batch) for first in point.firsts]
    return [
        functools.partial(ops.mask_upsample, *mask, spec.size, spec.up_size, backend=backend)
        for mask in masks
    ]


def _masked_product(point: Point, backend: str) -> list[Call]:
    call = functools.partial(ops.masked_product, image_of(point.size), _spec(point))
    out = buffer_of(point)
    return [
        functools.partial(call, first, point.batch, out=out, backend=backend)
        for first in point.firsts
    ]


def _saliency_accumulate(point: Point, backend: str) -> list[Call]:
    spec = _spec(point)
    sums = ops.SaliencySums.zeros(spec, TARGETS)
    scores = np.random.default_rng(0).random((point.batch, TARGETS), np.float32)

    def call(first: int) -> np.ndarray:
        ops.saliency_accumulate(scores, spec, first, sums, backend=backend)
        return sums.sums

    return [functools.partial(call, first) for first in point.firsts]


def _saliency_expand(point: Point, backend: str) -> list[Call]:
    empty = ops.SaliencySums.zeros(_spec(point), point.batch - 1).sums
    sums = np.random.default_rng(0).random(empty.shape)
    size = (point.size, point.size)
    return [functools.partial(ops.saliency_expand, sums, size, backend=backend)]


def _occlusion_fill(point: Point, backend: str) -> list[Call]:
    call = functools.partial(ops.occlusion_fill, image_of(point.size), _windows(point))
    out = buffer_of(point)
    return [
        functools.partial(call, first, point.batch, out=out, backend=backend)
        for first in point.firsts
    ]


def _occlusion_patch(point: Point, backend: str) -> list[Call]:
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
    spec = _windows(point)
    drops = np.random.default_rng(0).random((point.batch, spec.num_windows))
    return [functools.partial(ops.occlusion_sum, drops, spec, backend=backend)]


def _pixel_fill(point: Point, backend: str) -> list[Call]:
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
