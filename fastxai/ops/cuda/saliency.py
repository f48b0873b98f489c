"""Scores summed against masks in the coarse domain, and the sums as maps, in device memory."""

from __future__ import annotations

from typing import Any

from fastxai.ops.checks import MAX_AXIS, check_elements, check_int, check_pair
from fastxai.ops.cuda.arrays import check_written, contiguous, stream_handle
from fastxai.ops.cuda.call import checked_workspace, mask_params
from fastxai.ops.cuda.library import library, sizes
from fastxai.ops.params import MaskSpec


def saliency_accumulate(
    scores: Any,
    spec: Any,
    first: int,
    sums: Any,
    moments: Any,
    bad_row: Any,
    *,
    targets: Any = None,
    count: int | None = None,
    stream: Any = 0,
) -> None:
    """Adds the scores of masks `first`, `first + 1`, ... to the accumulators, in place.

    Args:
        scores: (M, K) float32, one row per mask.
        spec: MaskSpec; or its `params` as an int64 array (25,) in device memory, which the kernels
            check, and then neither `first` nor `count` is used.
        first: Index of the mask of row 0.
        sums: (T + 1, Sr, Sc, h, w) float64; see `fastxai.ops.SaliencySums`.
        moments: (T + 1, 2) float64.
        bad_row: (1,) int64, gets the row of the first score that is not finite, -1 where all are;
            -2 for a target that the scores do not have, -3 for parameters in device memory that are
            no good. In all cases but -1 nothing is added.
        targets: (T,) int64, columns of `scores` to sum. None: all K.
        count: Rows that count; the rest is padding. None: all.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.

    Precision:
        The bits of the CPU's `fastxai.ops.saliency_accumulate`.
    """
    owner = "saliency_accumulate"
    table = contiguous(owner, "scores", scores, "float32", (None, None))
    rows, classes = table.shape
    columns = None if targets is None else contiguous(owner, "targets", targets, "int64", (None,))
    number = classes if columns is None else columns.shape[0]
    axes: tuple[int | None, ...] = (None, None, None, None)
    if isinstance(spec, MaskSpec):
        axes = (*spec.shift_range, *spec.grid)
    into = contiguous(owner, "sums", sums, "float64", (number + 1, *axes))
    other = contiguous(owner, "moments", moments, "float64", (number + 1, 2))
    bad = contiguous(owner, "bad_row", bad_row, "int64", (1,))
    read = {"scores": table} if columns is None else {"scores": table, "targets": columns}
    check_written(owner, {"sums": into, "moments": other, "bad_row": bad}, read)
    used = rows if count is None else check_int(owner, "count", count, 0, rows)
    params, kept = mask_params(owner, spec, first, used)
    numbers = sizes(rows, classes, number, *into.shape[1:])
    pointers = (into.pointer, other.pointer, bad.pointer, stream_handle(owner, stream))
    chosen = None if columns is None else columns.pointer
    library().call(owner, *params, numbers, table.pointer, chosen, *pointers)
    del kept


def saliency_expand_workspace(shape: tuple[int, ...], size: tuple[int, int]) -> int:
    """Numbers of float64 that `saliency_expand` needs.

    Args:
        shape: Of `sums`, (T, Sr, Sc, h, w).
        size: (H, W) of the maps.
    """
    return library().workspace("saliency_expand", *shape, *size)


def saliency_expand(sums: Any, maps: Any, workspace: Any, *, stream: Any = 0) -> None:
    """Writes accumulators as maps.

    Args:
        sums: (T, Sr, Sc, h, w) float64.
        maps: (T, H, W) float64, written.
        workspace: (n,) float64, n at least `saliency_expand_workspace`; overwritten.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit.
        RuntimeError: There are no CUDA kernels, or the device refused the work.

    Precision:
        The bits of the CPU's `fastxai.ops.saliency_expand`.
    """
    owner = "saliency_expand"
    source = contiguous(owner, "sums", sums, "float64", (None,) * 5)
    if 0 in source.shape[1:]:
        raise ValueError(f"{owner}: `sums` must be (T, Sr, Sc, h, w), got {source.shape}.")
    target = contiguous(owner, "maps", maps, "float64", (source.shape[0], None, None))
    size = check_pair(owner, "maps", target.shape[1:], 1, MAX_AXIS)
    check_elements(owner, target.shape)
    space = checked_workspace(owner, workspace, saliency_expand_workspace(source.shape, size))
    check_written(owner, {"maps": target, "workspace": space}, {"sums": source})
    numbers = sizes(*source.shape, *size)
    handle = stream_handle(owner, stream)
    library().call(owner, numbers, source.pointer, target.pointer, space.pointer, handle)
