"""Coarse random masks from (seed, index)."""

from __future__ import annotations

import numpy as np

from fastxai.ops.checks import check_elements, check_spec
from fastxai.ops.native import native, use_native
from fastxai.ops.params import MaskSpec


def mask_grid(
    spec: MaskSpec, first: int = 0, count: int = 1, *, backend: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Masks `first` .. `first + count - 1` before they are enlarged.

    Args:
        spec: What the masks are.
        first: Index of the first mask, 0 or more.
        count: M, how many, 0 or more.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        cells (M, h, w) uint8 of 0 and 1, and shifts (M, 2) int32 in pixels (rows, columns).

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range, or the masks have 2^31 cells or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Randomness:
        Philox4x32-10 keyed by the seed, counted by the mask's index: the same bits on every
        backend and device, whatever the batch.

    Source:
        RISE masks: Petsiuk et al., BMVC 2018, section 3.2. Generator: Salmon et al., SC 2011.

    Example:
        >>> cells, shifts = mask_grid(MaskSpec(seed=0, size=(32, 32)), count=4)
        >>> cells.shape, shifts.shape
        ((4, 10, 10), (4, 2))
    """
    owner = "mask_grid"
    params = check_spec(owner, spec, MaskSpec).params(first, count)
    check_elements(owner, (count, *spec.grid))
    if not use_native(backend, owner):
        from fastxai import reference

        return reference.mask_grid(
            spec.seed,
            first,
            count,
            spec.grid,
            spec.threshold,
            spec.shift_range,
            spec.design,
            spec.columns,
        )
    cells = np.empty((count, *spec.grid), np.uint8)
    shifts = np.empty((count, 2), np.int32)
    native().mask_grid(params, cells, shifts)
    return cells, shifts
