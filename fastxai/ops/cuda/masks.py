"""Random masks, and images under them, in device memory."""

from __future__ import annotations

from typing import Any

from fastxai.ops.checks import MAX_AXIS, check_pair
from fastxai.ops.cuda.arrays import check_written, contiguous, stream_handle
from fastxai.ops.cuda.call import batch_arguments, check_size, checked_workspace, mask_params
from fastxai.ops.cuda.library import library, sizes
from fastxai.ops.params import MaskSpec


def mask_grid(spec: Any, first: int, cells: Any, shifts: Any, *, stream: Any = 0) -> None:
    """Writes masks `first` .. `first + M - 1` before they are enlarged.

    Args:
        spec: MaskSpec; or its `params` as an int64 array (25,) in device memory, which the kernels
            check, and then `first` is not used.
        first: Index of the first mask.
        cells: (M, h, w) uint8, gets 0 and 1; 255 where parameters in device memory are no good.
        shifts: (M, 2) int32, gets rows and columns; -1 there.
        stream: A stream of PyTorch or CuPy, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.
    """
    owner = "mask_grid"
    grid = spec.grid if isinstance(spec, MaskSpec) else (None, None)
    target = contiguous(owner, "cells", cells, "uint8", (None, *grid))
    moves = contiguous(owner, "shifts", shifts, "int32", (target.shape[0], 2))
    check_written(owner, {"cells": target, "shifts": moves})
    params, kept = mask_params(owner, spec, first, target.shape[0])
    handle = stream_handle(owner, stream)
    library().call(owner, *params, sizes(*target.shape), target.pointer, moves.pointer, handle)
    del kept


def mask_upsample(
    cells: Any, shifts: Any, up_size: tuple[int, int], masks: Any, *, stream: Any = 0
) -> None:
    """Writes coarse masks enlarged and cropped at their shifts.

    Args:
        cells: (M, h, w) uint8, 0 or 1.
        shifts: (M, 2) int32; the kernel clamps them to 0 .. up_size - size.
        up_size: (rows, columns) of the enlarged mask before the crop.
        masks: (M, 1, H, W) float32, written.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.
    """
    owner = "mask_upsample"
    coarse = contiguous(owner, "cells", cells, "uint8", (None, None, None))
    count = coarse.shape[0]
    moves = contiguous(owner, "shifts", shifts, "int32", (count, 2))
    target = contiguous(owner, "masks", masks, "float32", (count, 1, None, None))
    check_written(owner, {"masks": target}, {"cells": coarse, "shifts": moves})
    size = target.shape[2:]
    up_rows, up_cols = check_pair(owner, "up_size", up_size, 1, MAX_AXIS)
    if up_rows < size[0] or up_cols < size[1]:
        raise ValueError(f"{owner}: `up_size` must be at least {size}, got {up_size}.")
    numbers = sizes(*coarse.shape, *size, up_rows, up_cols)
    handle = stream_handle(owner, stream)
    library().call(owner, numbers, coarse.pointer, moves.pointer, target.pointer, handle)


def masked_product_workspace(shape: tuple[int, ...], grid: tuple[int, int]) -> int:
    """Numbers of float64 that `masked_product` needs.

    Args:
        shape: Of `out`, (M, C, H, W).
        grid: (h, w) of the masks.
    """
    return library().workspace("masked_product", *shape, grid[0])


def masked_product(
    image: Any, base: Any, spec: Any, first: int, out: Any, workspace: Any, *, stream: Any = 0
) -> None:
    """Writes masked copies of an image, x m + base (1 - m); no whole mask is ever in memory.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32, what a mask of 0 shows.
        spec: MaskSpec; or its `params` as an int64 array (25,) in device memory, which the kernels
            check, and then `first` is not used.
        first: Index of the first mask.
        out: (M, C, H, W) float32, float16 or bfloat16, contiguous or channels-last (its strides
            say which). NaN where parameters in device memory are no good, or need a larger
            workspace.
        workspace: (n,) float64, n at least `masked_product_workspace`, at an address that 16
            divides; overwritten.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.

    Precision:
        The bits of the CPU's `fastxai.ops.masked_product`, NaN apart.
    """
    owner = "masked_product"
    space = contiguous(owner, "workspace", workspace, "float64", (None,))
    batch, arguments = batch_arguments(owner, image, base, out, written={"workspace": space})
    if isinstance(spec, MaskSpec):
        check_size(owner, batch.shape, spec.size)
    grid = spec.grid if isinstance(spec, MaskSpec) else (0, 0)
    checked_workspace(owner, space, masked_product_workspace(batch.shape, grid))
    if space.pointer % 16 != 0:
        raise ValueError(f"{owner}: `workspace` must begin at an address that 16 divides.")
    params, kept = mask_params(owner, spec, first, batch.shape[0])
    pointers = (space.pointer, space.shape[0], stream_handle(owner, stream))
    library().call(owner, *params, *arguments, *pointers)
    del kept
