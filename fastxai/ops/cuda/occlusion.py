"""Windows covered one at a time, and the drops summed over them, in device memory."""

from __future__ import annotations

from typing import Any

from fastxai.ops.checks import MAX_FIRST, check_elements, check_int
from fastxai.ops.cuda.arrays import check_written, contiguous, stream_handle
from fastxai.ops.cuda.call import batch_arguments, check_size, checked_workspace
from fastxai.ops.cuda.library import library, sizes
from fastxai.ops.params import OcclusionSpec


def occlusion_fill(
    image: Any, base: Any, spec: OcclusionSpec, first: int, out: Any, *, stream: Any = 0
) -> None:
    """Writes copies of an image, each with one window covered.

    Args:
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32, what a covered pixel shows.
        spec: The windows.
        first: Number of the first window; outside 0 .. num_windows - 1 nothing is covered.
        out: (M, C, H, W) float32, float16 or bfloat16, contiguous or channels-last.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.
    """
    owner = "occlusion_fill"
    batch, arguments = batch_arguments(owner, image, base, out)
    check_size(owner, batch.shape, spec.size)
    params = spec.params(first, batch.shape[0])
    library().call(owner, params.ctypes.data, 0, *arguments, stream_handle(owner, stream))


def occlusion_patch(
    batch: Any,
    image: Any,
    base: Any,
    spec: OcclusionSpec,
    previous_first: int,
    first: int,
    *,
    stream: Any = 0,
) -> None:
    """Makes a batch of earlier windows of the same image hold other windows, in place.

    Args:
        batch: (M, C, H, W), as `occlusion_fill` or this left it.
        image: (C, H, W) float32, the same image.
        base: (C,) or (C, H, W) float32.
        spec: The windows.
        previous_first: Number of the window that row 0 holds now.
        first: Number of the window that row 0 is to hold.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit, or a number is out of range.
        RuntimeError: There are no CUDA kernels, or the device refused the work.
    """
    owner = "occlusion_patch"
    held, arguments = batch_arguments(owner, image, base, batch, "batch")
    check_size(owner, held.shape, spec.size)
    before = check_int(owner, "previous_first", previous_first, -MAX_FIRST, MAX_FIRST)
    params = spec.params(first, held.shape[0])
    library().call(owner, params.ctypes.data, before, *arguments, stream_handle(owner, stream))


def occlusion_sum_workspace(targets: int, spec: OcclusionSpec) -> int:
    """Numbers of float64 that `occlusion_sum` needs.

    Args:
        targets: T.
        spec: The windows.
    """
    return library().workspace("occlusion_sum", targets, spec.num_windows)


def occlusion_sum(
    drops: Any, spec: OcclusionSpec, maps: Any, workspace: Any, *, stream: Any = 0
) -> None:
    """Writes, per pixel, the sum of the drops of the windows over it by 1 + their number.

    Args:
        drops: (T, num_windows) float64.
        spec: The windows.
        maps: (T, H, W) float64, written.
        workspace: (n,) float64, n at least `occlusion_sum_workspace`; overwritten.
        stream: A stream, or a `cudaStream_t` as an int.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape does not fit.
        RuntimeError: There are no CUDA kernels, or the device refused the work.

    Precision:
        The bits of the CPU's `fastxai.ops.occlusion_sum`.
    """
    owner = "occlusion_sum"
    table = contiguous(owner, "drops", drops, "float64", (None, spec.num_windows))
    targets = table.shape[0]
    target = contiguous(owner, "maps", maps, "float64", (targets, *spec.size))
    check_elements(owner, target.shape)
    space = checked_workspace(owner, workspace, occlusion_sum_workspace(targets, spec))
    check_written(owner, {"maps": target, "workspace": space}, {"drops": table})
    params = spec.params(0, 0)
    numbers = sizes(targets, spec.num_windows, *spec.size)
    pointers = (table.pointer, target.pointer, space.pointer, stream_handle(owner, stream))
    library().call(owner, params.ctypes.data, 0, numbers, *pointers)
