"""Scores summed against masks in the coarse domain, and the sums as maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastxai.ops.checks import (
    MAX_AXIS,
    apart,
    check_array,
    check_elements,
    check_int,
    check_out,
    check_pair,
    check_spec,
)
from fastxai.ops.mask_grid import mask_grid
from fastxai.ops.native import native, use_native
from fastxai.ops.params import MaskSpec

# What primitives and the CUDA library say in place of a row: a target outside the scores;
# parameters out of range or of another shape (kernels/saliency_accumulate/saliency_accumulate.h).
BAD_TARGET = -2
BAD_PARAMS = -3


@dataclass
class SaliencySums:
    """Accumulators of a run: everything a map is made of, additive over mask ranges.

    Attributes:
        sums: (T + 1, Sr, Sc, h, w) float64; sum over masks of score times cell, per target and
            shift. Row T has score 1: the sum of the masks themselves.
        moments: (T + 1, 2) float64; sum of the scores and of their squares. Row T counts masks.
    """

    sums: np.ndarray
    moments: np.ndarray

    @classmethod
    def zeros(cls, spec: MaskSpec, targets: int) -> SaliencySums:
        """Empty accumulators for `targets` targets.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: `targets` is negative, or there are 2^31 sums or more.
        """
        owner = cls.__name__
        check_spec(owner, spec, MaskSpec)
        targets = check_int(owner, "targets", targets, 0, 2**31 - 2)
        check_elements(owner, (targets + 1, *spec.shift_range, *spec.grid))
        shape = (targets + 1, *spec.shift_range, *spec.grid)
        return cls(np.zeros(shape), np.zeros((targets + 1, 2)))

    @property
    def count(self) -> int:
        """Masks added so far."""
        return int(self.moments[-1, 0])


def saliency_accumulate(
    scores: np.ndarray,
    spec: MaskSpec,
    first: int,
    into: SaliencySums,
    *,
    count: int | None = None,
    backend: str = "auto",
) -> int:
    """Adds the scores of masks `first`, `first + 1`, ... to the accumulators, in place.

    Args:
        scores: (M, T) float32 network scores, one row per mask.
        spec: What the masks are.
        first: Index of the mask of row 0.
        into: Accumulators of T targets.
        count: Rows that count, M at most; the rest is padding. Default: all.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        The row of the first score that is not finite as float32, in which case nothing was added,
        or -1.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape or a number does not fit, an accumulator is read-only or not contiguous,
            or the two overlap.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Precision:
        float64, masks in ascending order: the same bits for any number of threads and any split
        into batches.

    Example:
        >>> spec = MaskSpec(seed=0, size=(32, 32))
        >>> sums = SaliencySums.zeros(spec, targets=1)
        >>> saliency_accumulate(np.ones((4, 1), np.float32), spec, 0, sums)
        -1
        >>> saliency_expand(sums.sums, spec.size).shape
        (2, 32, 32)
    """
    owner = "saliency_accumulate"
    check_spec(owner, spec, MaskSpec)
    check_array(owner, "scores", scores, "f", "a float ndarray")
    targets = _checked_targets(owner, into, spec)
    if scores.ndim != 2 or scores.shape[1] != targets:
        raise ValueError(f"{owner}: `scores` must be (M, {targets}), got shape {scores.shape}.")
    rows = len(scores) if count is None else check_int(owner, "count", count, 0, len(scores))
    params = spec.params(first, rows)
    check_elements(owner, (rows, *spec.grid))
    with np.errstate(over="ignore"):
        scores = np.ascontiguousarray(scores[:rows], dtype=np.float32)
    scores = apart(scores, into.sums, into.moments)
    if use_native(backend, owner):
        return int(native().saliency_accumulate(scores, params, into.sums, into.moments))
    from fastxai import reference

    cells, shifts = mask_grid(spec, first, rows, backend="reference")
    return reference.saliency_accumulate(scores, cells, shifts, into.sums, into.moments)


def saliency_expand(
    sums: np.ndarray, size: tuple[int, int], *, backend: str = "auto"
) -> np.ndarray:
    """Accumulators to maps: the sum over shifts of the enlarged and cropped sums.

    Args:
        sums: (T, Sr, Sc, h, w) float64.
        size: (H, W) of the maps.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (T, H, W) float64; row t is the sum over masks of score times mask.

    Raises:
        TypeError: `sums` is not float64, or `size` is not a pair of ints.
        ValueError: `sums` is not 5-D, or the sum of its absolute values is not finite; `size` is
            out of range, or the maps or what is held for one have 2^31 elements or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Source:
        Upsampling and cropping are linear, so they commute with the sum over masks.

    Example:
        >>> saliency_expand(np.zeros((2, 11, 11, 10, 10)), (32, 48)).shape
        (2, 32, 48)
    """
    owner = "saliency_expand"
    check_array(owner, "sums", sums, "f", "a float64 ndarray")
    if sums.dtype.itemsize != 8:
        raise TypeError(f"{owner}: `sums` must be a float64 ndarray, got {sums.dtype}.")
    size = check_pair(owner, "size", size, 1, MAX_AXIS)
    _check_expandable(owner, sums.shape, size)
    sums = np.ascontiguousarray(sums, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(np.abs(sums).sum()):
            raise ValueError(f"{owner}: `sums` must be finite, and the sum of their magnitudes.")
    if not use_native(backend, owner):
        from fastxai import reference

        return reference.saliency_expand(sums, size)
    maps = np.empty((len(sums), *size))
    native().saliency_expand(sums, maps)
    return maps


def _checked_targets(owner: str, into: SaliencySums, spec: MaskSpec) -> int:
    """T of accumulators that can be written into."""
    if not isinstance(into, SaliencySums):
        raise TypeError(f"{owner}: `into` must be a SaliencySums, got {type(into).__name__}.")
    check_array(owner, "into.moments", into.moments, "f", "an ndarray of float64")
    rows = len(into.moments) if into.moments.ndim == 2 else 0
    if rows < 1:
        raise ValueError(
            f"{owner}: `into.moments` must be (T + 1, 2), got shape {into.moments.shape}."
        )
    check_out(owner, into.moments, (rows, 2), np.float64, "into.moments")
    shape = (rows, *spec.shift_range, *spec.grid)
    check_array(owner, "into.sums", into.sums, "f", "an ndarray of float64")
    if into.sums.shape != shape:
        raise ValueError(
            f"{owner}: `into` was made for another `spec`: `into.sums` must be {shape}, "
            f"got shape {into.sums.shape}."
        )
    check_out(owner, into.sums, shape, np.float64, "into.sums")
    if np.may_share_memory(into.sums, into.moments):
        raise ValueError(f"{owner}: `into.sums` and `into.moments` must not overlap.")
    return rows - 1


def _check_expandable(owner: str, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """Refuses sums and maps of sizes that the kernels do not take."""
    if len(shape) != 5 or 0 in shape[1:] or max(shape[1:]) > MAX_AXIS:
        raise ValueError(
            f"{owner}: `sums` must be (T, Sr, Sc, h, w) with all but T in [1, {MAX_AXIS}], "
            f"got shape {shape}."
        )
    up_size = size[0] + shape[1] - 1, size[1] + shape[2] - 1
    if max(up_size) > MAX_AXIS:
        raise ValueError(
            f"{owner}: `size` and the shifts of `sums` together must be at most {MAX_AXIS} rows "
            f"and columns, got {up_size}."
        )
    check_elements(owner, (shape[0], *size))
    check_elements(owner, (shape[1], shape[3], size[1]))  # rows enlarged along the columns
