"""Scores summed against masks in the coarse domain, and the sums as maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastxai import reference
from fastxai.ops.native import native, use_native
from fastxai.ops.params import MaskSpec


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
        """Empty accumulators for `targets` targets."""
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
        The row of the first score that is not finite, in which case nothing was added, or -1.

    Raises:
        TypeError: `scores` is not a float array.
        ValueError: A shape does not fit.
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
    if not isinstance(scores, np.ndarray) or scores.dtype.kind != "f":
        kind = getattr(scores, "dtype", type(scores).__name__)
        raise TypeError(f"{owner}: `scores` must be a float ndarray, got {kind}.")
    targets = len(into.moments) - 1
    if scores.ndim != 2 or scores.shape[1] != targets:
        raise ValueError(f"{owner}: `scores` must be (M, {targets}), got shape {scores.shape}.")
    if into.sums.shape != (targets + 1, *spec.shift_range, *spec.grid):
        raise ValueError(f"{owner}: `into` was made for another `spec`.")
    rows = len(scores) if count is None else count
    if not 0 <= rows <= len(scores):
        raise ValueError(f"{owner}: `count` must be in [0, {len(scores)}], got {count}.")
    scores = np.ascontiguousarray(scores[:rows], dtype=np.float32)
    if use_native(backend, owner):
        params = spec.params(first, rows)
        return int(native().saliency_accumulate(scores, params, into.sums, into.moments))
    cells, shifts = reference.mask_grid(
        spec.seed, first, rows, spec.grid, spec.threshold, spec.shift_range, spec.design
    )
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
        TypeError: `sums` is not float64.
        ValueError: `sums` is not 5-D.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Source:
        Upsampling and cropping are linear, so they commute with the sum over masks.

    Example:
        >>> saliency_expand(np.zeros((2, 11, 11, 10, 10)), (32, 48)).shape
        (2, 32, 48)
    """
    owner = "saliency_expand"
    if not isinstance(sums, np.ndarray) or sums.dtype != np.float64:
        kind = getattr(sums, "dtype", type(sums).__name__)
        raise TypeError(f"{owner}: `sums` must be a float64 ndarray, got {kind}.")
    if sums.ndim != 5 or 0 in sums.shape[1:]:
        raise ValueError(f"{owner}: `sums` must be (T, Sr, Sc, h, w), got shape {sums.shape}.")
    if not use_native(backend, owner):
        return reference.saliency_expand(sums, size)
    maps = np.empty((len(sums), *size))
    native().saliency_expand(np.ascontiguousarray(sums), maps)
    return maps
