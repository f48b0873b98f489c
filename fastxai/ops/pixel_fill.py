"""Copies of an image with the pixels of an interval of ranks covered."""

from __future__ import annotations

import numpy as np

from fastxai.ops.base_value import base_values
from fastxai.ops.checks import (
    apart,
    check_array,
    check_elements,
    check_out,
    float_image,
)
from fastxai.ops.native import native, use_native

_MAX_RANK = 2**31 - 2


def pixel_fill(
    image: np.ndarray,
    ranks: np.ndarray,
    intervals: np.ndarray,
    *,
    outside: bool = False,
    base_value: float | tuple[float, ...] | np.ndarray = 0.0,
    out: np.ndarray | None = None,
    backend: str = "auto",
) -> np.ndarray:
    """Copies of an image, each with the pixels of some ranks covered.

    Args:
        image: (C, H, W) numeric; used as float32.
        ranks: (H, W) int32 below 2^31 - 1, such as each pixel's place in the order of a map.
        intervals: (M, 2) integers low, high: copy m covers the ranks low .. high - 1. None where
            high <= low.
        outside: Cover the ranks outside the interval instead, so that only those inside show.
        base_value: What a covered pixel shows: a number, one per channel, or a picture (C, H, W).
        out: (M, C, H, W) float32 array to write into; may overlap the other arrays.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (M, C, H, W) float32: `out` if it was given.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape or a value does not fit, or the output has 2^31 elements or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Precision:
        Exact: values are copied.

    Source:
        Petsiuk et al., BMVC 2018 (the deletion and insertion metrics).

    Example:
        >>> ranks = np.arange(4, dtype=np.int32).reshape(2, 2)
        >>> image = np.ones((1, 2, 2), np.float32)
        >>> pixel_fill(image, ranks, np.array([[0, 1], [0, 3]])).tolist()
        [[[[0.0, 1.0], [1.0, 1.0]]], [[[0.0, 0.0], [0.0, 1.0]]]]
    """
    owner = "pixel_fill"
    image = float_image(owner, image)
    base = base_values(owner, base_value, image.shape)
    ranks = _checked_ranks(owner, ranks, image.shape[1:])
    intervals = _checked_intervals(owner, intervals, image.shape)
    if not isinstance(outside, (bool, np.bool_)):
        raise TypeError(f"{owner}: `outside` must be a bool, got {type(outside).__name__}.")
    shape = (len(intervals), *image.shape)
    if out is None:
        out = np.empty(shape, np.float32)
    else:
        check_out(owner, out, shape, np.float32)
    image, base, ranks, intervals = (apart(array, out) for array in (image, base, ranks, intervals))
    if use_native(backend, owner):
        params = np.array([outside], np.int64)
        native().pixel_fill(image, base, ranks, intervals, params, out)
    else:
        from fastxai import reference

        out[...] = reference.pixel_fill(image, base, ranks, intervals, bool(outside))
    return out


def _checked_ranks(owner: str, ranks: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    check_array(owner, "ranks", ranks, "i", "an ndarray of int32")
    if ranks.dtype.itemsize != 4:
        raise TypeError(f"{owner}: `ranks` must be an ndarray of int32, got {ranks.dtype}.")
    if ranks.shape != size:
        raise ValueError(f"{owner}: `ranks` must have shape {size}, got {ranks.shape}.")
    if int(ranks.max()) > _MAX_RANK:
        raise ValueError(f"{owner}: `ranks` must be below 2^31 - 1, got {int(ranks.max())}.")
    return np.ascontiguousarray(ranks, dtype=np.int32)


def _checked_intervals(owner: str, intervals: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    check_array(owner, "intervals", intervals, "iu", "an integer ndarray")
    if intervals.ndim != 2 or intervals.shape[1] != 2:
        raise ValueError(f"{owner}: `intervals` must be (M, 2), got shape {intervals.shape}.")
    check_elements(owner, (len(intervals), *size))  # before they are copied
    if intervals.dtype.kind == "u":  # beyond int64 is beyond every rank
        intervals = np.minimum(intervals, np.uint64(2**63 - 1))
    return np.ascontiguousarray(intervals, dtype=np.int64)
