"""What several ops pass to the library: parameters, batches of images, streams."""

from __future__ import annotations

from typing import Any

from fastxai.ops.checks import check_elements
from fastxai.ops.cuda.arrays import DeviceArray, as_device_array, check_written, checked, contiguous
from fastxai.ops.cuda.library import sizes
from fastxai.ops.params import MaskSpec

_TYPES = ("float32", "float16", "bfloat16")  # their positions are the library's numbers
_PARAMS = 25


def mask_params(owner: str, spec: Any, first: int, count: int) -> tuple[tuple[int, int], Any]:
    """(pointer, whether it is to device memory) of the parameters, and what keeps them alive."""
    if isinstance(spec, MaskSpec):
        host = spec.params(first, count)
        return (host.ctypes.data, 0), host
    device = contiguous(owner, "spec", spec, "int64", (_PARAMS,))
    return (device.pointer, 1), device


def batch_arguments(
    owner: str,
    image: Any,
    base: Any,
    out: Any,
    name: str = "out",
    written: dict[str, DeviceArray] | None = None,
) -> tuple[DeviceArray, tuple[Any, ...]]:
    """The batch, and the arguments from sizes to out as the library takes them.

    Args:
        owner: The op, for messages.
        image: (C, H, W) float32.
        base: (C,) or (C, H, W) float32.
        out: The batch, (M, C, H, W).
        name: Of the batch.
        written: What the op writes beside it.

    Raises:
        TypeError: An array is of the wrong kind or dtype.
        ValueError: A shape or an order of axes does not fit.
    """
    picture = contiguous(owner, "image", image, "float32", (None, None, None))
    channels, rows, cols = picture.shape
    hidden = as_device_array(owner, "base", base)
    is_picture = len(hidden.shape) == 3
    wanted = picture.shape if is_picture else (channels,)
    hidden = contiguous(owner, "base", hidden, "float32", wanted)
    batch = checked(owner, name, out, _TYPES, (None, channels, rows, cols))
    check_elements(owner, batch.shape)
    check_written(owner, {name: batch, **(written or {})}, {"image": picture, "base": hidden})
    layout = 0 if batch.contiguous else 1
    numbers = (layout, _TYPES.index(batch.dtype))
    pointers = (picture.pointer, hidden.pointer, int(is_picture), batch.pointer)
    return batch, (sizes(*batch.shape), *numbers, *pointers)


def checked_workspace(owner: str, space: Any, needed: int) -> DeviceArray:
    """The workspace that the caller gave.

    Raises:
        TypeError: It is of the wrong kind or dtype.
        ValueError: It has fewer than `needed` numbers.
    """
    found = contiguous(owner, "workspace", space, "float64", (None,))
    if found.shape[0] < needed:
        raise ValueError(
            f"{owner}: `workspace` must have at least {needed} elements, got {found.shape[0]}."
        )
    return found


def check_size(owner: str, shape: tuple[int, ...], size: tuple[int, int]) -> None:
    """Refuses images of another size than the masks or windows.

    Raises:
        ValueError: They are.
    """
    if shape[2:] != size:
        raise ValueError(f"{owner}: the images must be {size} pixels, got {shape[2:]}.")
