"""Checks that several ops share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

_Spec = TypeVar("_Spec")

MAX_ELEMENTS = 2**31
MAX_AXIS = 2**22
MAX_FIRST = 2**62  # of a mask or window index: first + count never overflows


def check_elements(owner: str, shape: Sequence[int]) -> None:
    """Refuses an output of 2^31 elements or more.

    An axis of length 0 counts as 1: the others still say how often the kernels would loop.

    Raises:
        ValueError: It is too large.
    """
    count = 1
    for axis in shape:
        count *= max(int(axis), 1)
    if count >= MAX_ELEMENTS:
        raise ValueError(
            f"{owner}: the output {tuple(shape)} has {count} elements, 2^31 or more; "
            "use a smaller batch or image."
        )


def check_spec(owner: str, spec: object, kind: type[_Spec]) -> _Spec:
    """A spec of that kind.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(spec, kind):
        raise TypeError(f"{owner}: `spec` must be a {kind.__name__}, got {type(spec).__name__}.")
    return spec


def check_int(owner: str, name: str, value: object, low: int, high: int) -> int:
    """An int in [low, high], from an int or a NumPy integer.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{owner}: `{name}` must be an int, got {type(value).__name__}.")
    if not low <= int(value) <= high:
        raise ValueError(f"{owner}: `{name}` must be in [{low}, {high}], got {value}.")
    return int(value)


def check_pair(owner: str, name: str, value: object, low: int, high: int) -> tuple[int, int]:
    """Two ints in [low, high]: (rows, columns). A single int stands for both."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{owner}: `{name}` must be an int or a pair of ints, got {value!r}.")
    first, second = value
    return check_int(owner, name, first, low, high), check_int(owner, name, second, low, high)


def check_array(owner: str, name: str, array: Any, kinds: str, what: str) -> np.ndarray:
    """An array of one of the kinds of dtype, `numpy.dtype.kind`; `what` says it in words.

    Raises:
        TypeError: It is of another kind, or has hidden elements.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{owner}: `{name}` must be {what}, got a masked array; use its `filled(value)`."
        )
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kinds:
        kind = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{owner}: `{name}` must be {what}, got {kind}.")
    return array


def as_float(owner: str, name: str, array: np.ndarray, dtype: Any) -> np.ndarray:
    """A numeric array as contiguous floats of another width; NaN and infinity stay.

    Raises:
        ValueError: A number does not fit the dtype.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        taken = np.ascontiguousarray(array, dtype=dtype)
    if array.dtype.kind == "f" and array.dtype.itemsize > taken.dtype.itemsize:
        lost = np.isinf(taken) & np.isfinite(array)
        if lost.any():
            raise ValueError(
                f"{owner}: `{name}` must fit {taken.dtype}, got {array[lost].flat[0]}."
            )
    return taken


def float_image(owner: str, image: np.ndarray) -> np.ndarray:
    """The image as contiguous float32 (C, H, W).

    Raises:
        TypeError: `image` is not a numeric array.
        ValueError: It is not 3-D, has no pixel or more than 2^22 along an axis, or a number does
            not fit float32.
    """
    check_array(owner, "image", image, "fiub", "a numeric ndarray")
    if image.ndim != 3 or image.shape[1] < 1 or image.shape[2] < 1:
        raise ValueError(f"{owner}: `image` must be (C, H, W), got shape {image.shape}.")
    if max(image.shape[1:]) > MAX_AXIS:
        raise ValueError(
            f"{owner}: `image` must have at most {MAX_AXIS} rows and columns, "
            f"got shape {image.shape}."
        )
    return as_float(owner, "image", image, np.float32)


def check_out(
    owner: str, out: np.ndarray, shape: Sequence[int], dtype: Any, name: str = "out"
) -> np.ndarray:
    """An array of the caller's that is written into.

    Raises:
        TypeError: Wrong kind or dtype, byte order among it.
        ValueError: Wrong shape, not contiguous, or read-only.
    """
    wanted = np.dtype(dtype)
    check_array(owner, name, out, wanted.kind, f"an ndarray of {wanted}")
    if out.dtype != wanted:
        kind = out.dtype if out.dtype.isnative else f"{out.dtype} (another byte order)"
        raise TypeError(f"{owner}: `{name}` must be an ndarray of {wanted}, got {kind}.")
    if out.shape != tuple(shape):
        raise ValueError(f"{owner}: `{name}` must have shape {tuple(shape)}, got {out.shape}.")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"{owner}: `{name}` must be contiguous and writeable.")
    return out


def apart(array: np.ndarray, *written: np.ndarray) -> np.ndarray:
    """A contiguous input, copied if it lies in memory that the op is going to write."""
    return array.copy() if any(np.may_share_memory(array, out) for out in written) else array
