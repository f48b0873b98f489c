"""Coarse masks enlarged and cropped, for those who want to look at them."""

from __future__ import annotations

import numpy as np

from fastxai.ops.checks import MAX_AXIS, check_array, check_elements, check_int, check_pair
from fastxai.ops.native import native, use_native


def mask_upsample(
    cells: np.ndarray,
    shifts: np.ndarray,
    size: tuple[int, int],
    up_size: tuple[int, int],
    *,
    backend: str = "auto",
) -> np.ndarray:
    """Masks as `masked_product` applies them.

    Args:
        cells: (M, h, w) integers 0 or 1.
        shifts: (M, 2) integers, rows and columns, 0 .. up_size - size.
        size: (H, W) of the masks.
        up_size: (rows, columns) of the enlarged mask before the crop; `MaskSpec.up_size`.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (M, 1, H, W) float32 in [0, 1].

    Raises:
        TypeError: An array is not of integers.
        ValueError: A shape or a value does not fit, or the masks have 2^31 elements or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Precision:
        Half-pixel-centre bilinear with clamped edges; three roundings in float32 per axis, within
        3 float32 eps of the float64 reference.

    Example:
        >>> from fastxai.ops import MaskSpec, mask_grid
        >>> spec = MaskSpec(seed=0, size=(32, 32))
        >>> mask_upsample(*mask_grid(spec, count=4), spec.size, spec.up_size).shape
        (4, 1, 32, 32)
    """
    owner = "mask_upsample"
    size = check_pair(owner, "size", size, 1, MAX_AXIS)
    up_size = check_pair(owner, "up_size", up_size, 1, MAX_AXIS)
    cells, shifts = _checked(owner, cells, shifts, size, up_size)
    check_elements(owner, (len(cells), 1, *size))
    check_elements(owner, cells.shape[1:])
    check_elements(owner, (cells.shape[1], size[1]))  # rows enlarged along the columns
    if not use_native(backend, owner):
        from fastxai import reference

        return reference.mask_upsample(cells, shifts, size, up_size).astype(np.float32)
    masks = np.empty((len(cells), 1, *size), np.float32)
    native().mask_upsample(cells, shifts, *up_size, masks)
    return masks


def bilinear_matrix(cells: int, up: int) -> np.ndarray:
    """Matrix that enlarges an axis as `mask_upsample` does, before the crop.

    Args:
        cells: Coarse cells of the axis.
        up: Samples of the enlarged axis.

    Returns:
        (up, cells) float64; its rows sum to 1.

    Raises:
        TypeError: An argument is not an int.
        ValueError: An argument is out of range.

    Example:
        >>> bilinear_matrix(2, 4)[:, 0].tolist()
        [1.0, 0.75, 0.25, 0.0]
    """
    owner = "bilinear_matrix"
    cells = check_int(owner, "cells", cells, 1, MAX_AXIS)
    up = check_int(owner, "up", up, 1, MAX_AXIS)
    check_elements(owner, (up, cells))
    from fastxai import reference

    return reference.bilinear_matrix(cells, up)


def _checked(
    owner: str,
    cells: np.ndarray,
    shifts: np.ndarray,
    size: tuple[int, int],
    up_size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    for name, array in (("cells", cells), ("shifts", shifts)):
        check_array(owner, name, array, "iub", "an ndarray of integers")
    if cells.ndim != 3 or 0 in cells.shape[1:] or max(cells.shape[1:]) > MAX_AXIS:
        raise ValueError(
            f"{owner}: `cells` must be (M, h, w) with h and w in [1, {MAX_AXIS}], "
            f"got shape {cells.shape}."
        )
    if shifts.shape != (len(cells), 2):
        raise ValueError(f"{owner}: `shifts` must be ({len(cells)}, 2), got {shifts.shape}.")
    limits = np.array(up_size) - np.array(size)
    if (limits < 0).any():
        raise ValueError(f"{owner}: `up_size` must be at least {size}, got {up_size}.")
    if (shifts < 0).any() or (shifts > limits).any():
        raise ValueError(f"{owner}: `shifts` must be in [0, {tuple(limits.tolist())}].")
    for value in (int(cells.min()), int(cells.max())) if cells.size else ():
        if not 0 <= value <= 1:
            raise ValueError(f"{owner}: `cells` must be 0 or 1, got {value}.")
    return (
        np.ascontiguousarray(cells, dtype=np.uint8),
        np.ascontiguousarray(shifts, dtype=np.int32),
    )
