"""Checks that several ops share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_ELEMENTS = 2**31
MAX_AXIS = 2**22
MAX_FIRST = 2**62  # of a mask or window index: first + count never overflows


def check_elements(owner: str, shape: Sequence[int]) -> None:
    """Refuses an output of 2^31 elements or more.

    Raises:
        ValueError: It is too large.
    """
    count = 1
    for axis in shape:
        count *= int(axis)
    if count >= MAX_ELEMENTS:
        raise ValueError(
            f"{owner}: the output {tuple(shape)} has {count} elements, 2^31 or more; "
            "use a smaller batch or image."
        )


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


def float_image(owner: str, image: np.ndarray) -> np.ndarray:
    """The image as contiguous float32 (C, H, W).

    Raises:
        TypeError: `image` is not a numeric array.
        ValueError: It is not 3-D or has no pixel.
    """
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "fiub":
        kind = getattr(image, "dtype", type(image).__name__)
        raise TypeError(f"{owner}: `image` must be a numeric ndarray, got {kind}.")
    if image.ndim != 3 or image.shape[1] < 1 or image.shape[2] < 1:
        raise ValueError(f"{owner}: `image` must be (C, H, W), got shape {image.shape}.")
    return np.ascontiguousarray(image, dtype=np.float32)


def base_levels(owner: str, base_value: object, channels: int) -> np.ndarray:
    """What a masked pixel shows, per channel: float32 (C,).

    Raises:
        TypeError: `base_value` is neither a number nor a sequence of numbers.
        ValueError: It has another length than the image has channels, or is not finite.
    """
    level = np.asarray(base_value)
    if level.dtype.kind not in "fiu":
        raise TypeError(
            f"{owner}: `base_value` must be a number or one per channel, got {base_value!r}."
        )
    level = level.astype(np.float64)
    if level.ndim == 0:
        level = np.full(channels, float(level))
    if level.shape != (channels,):
        raise ValueError(
            f"{owner}: `base_value` must be a number or {channels} numbers, one per channel, "
            f"got shape {level.shape}."
        )
    if not np.isfinite(level).all():
        raise ValueError(f"{owner}: `base_value` must be finite, got {base_value}.")
    return level.astype(np.float32)


def check_out(owner: str, out: np.ndarray, shape: Sequence[int], dtype: object) -> np.ndarray:
    """An output array that the caller brought.

    Raises:
        TypeError: Wrong kind or dtype.
        ValueError: Wrong shape, not contiguous, or read-only.
    """
    if not isinstance(out, np.ndarray) or out.dtype != np.dtype(dtype):  # type: ignore[call-overload]
        kind = getattr(out, "dtype", type(out).__name__)
        raise TypeError(f"{owner}: `out` must be an ndarray of {np.dtype(dtype)}, got {kind}.")  # type: ignore[call-overload]
    if out.shape != tuple(shape):
        raise ValueError(f"{owner}: `out` must have shape {tuple(shape)}, got {out.shape}.")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"{owner}: `out` must be contiguous and writeable.")
    return out
