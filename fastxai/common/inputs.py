"""Images and targets as users give them, checked, in one form for every explainer."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np

_INT64_MAX = np.iinfo(np.int64).max
_TARGET_KINDS = "an int, a list or tuple of ints, an integer ndarray or an integer Tensor"


def to_images(owner: str, inputs: Any) -> np.ndarray:
    """The images as float32.

    Args:
        owner: Name for messages.
        inputs: Tensor (N, C, H, W) of floats or integers, N at least 1.

    Returns:
        (N, C, H, W) contiguous float32.

    Raises:
        TypeError: `inputs` is not a numeric Tensor.
        ValueError: It is not 4-D, holds no image or no pixel, or a value that is not finite or not
            within float32's range.
    """
    if not isinstance(inputs, ms.Tensor):
        raise TypeError(f"{owner}: `inputs` must be a Tensor, got {type(inputs).__name__}.")
    if inputs.dtype == ms.bfloat16:
        inputs = inputs.astype(ms.float32)
    array = inputs.asnumpy()
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: `inputs` must hold floats or integers, got {inputs.dtype}.")
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(
            f"{owner}: `inputs` must be (N, C, H, W) with N at least 1, got shape {array.shape}."
        )
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(f"{owner}: `inputs` must be finite, got {array[where]} at {where}.")
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(array, dtype=np.float32)
    if array.dtype == np.float64 and not np.isfinite(images).all():
        largest = np.abs(array).max()
        raise ValueError(f"{owner}: `inputs` must be within float32's range, got {largest}.")
    return images


def to_targets(owner: str, targets: Any, num_images: int) -> np.ndarray:
    """The targets as one array.

    Args:
        owner: Name for messages.
        targets: One class for all images, one class per image (N,), or L classes per image (N, L).
        num_images: N.

    Returns:
        (N, L) int64.

    Raises:
        TypeError: `targets` is of another kind, or not of integers.
        ValueError: Another length than N, more than 2 dimensions, empty, or negative.
    """
    array = _target_array(owner, targets)
    if array.ndim == 0:
        array = np.full((num_images, 1), array)
    elif array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) != num_images or array.shape[1] == 0:
        raise ValueError(
            f"{owner}: `targets` must be one class, ({num_images},) or ({num_images}, L) for "
            f"{num_images} image(s), got shape {np.shape(_target_array(owner, targets))}."
        )
    if array.min() < 0:
        raise ValueError(f"{owner}: `targets` must be 0 or more, got {int(array.min())}.")
    if array.max() > _INT64_MAX:
        raise ValueError(f"{owner}: `targets` must be below 2^63, got {int(array.max())}.")
    return np.ascontiguousarray(array, dtype=np.int64)


def check_target_range(owner: str, targets: np.ndarray, num_classes: int) -> None:
    """Refuses classes that the network does not have.

    Raises:
        ValueError: A target is `num_classes` or more.
    """
    if int(targets.max()) >= num_classes:
        raise ValueError(
            f"{owner}: `targets` must be in [0, {num_classes}), got {int(targets.max())}."
        )


def _target_array(owner: str, targets: Any) -> np.ndarray:
    if isinstance(targets, ms.Tensor):
        array = targets.asnumpy()
    elif isinstance(targets, bool) or not isinstance(
        targets, (int, np.integer, list, tuple, np.ndarray)
    ):
        kind = type(targets).__name__
        raise TypeError(f"{owner}: `targets` must be {_TARGET_KINDS}, got {kind}.")
    else:
        try:
            array = np.asarray(targets)
        except ValueError:
            raise ValueError(f"{owner}: `targets` must not be ragged, got {targets}.") from None
    if array.size == 0 and array.ndim > 0:
        raise ValueError(f"{owner}: `targets` must not be empty.")
    kind = "bool" if _holds_bool(targets) else str(array.dtype)  # NumPy takes [True, 2] for ints
    too_large = isinstance(targets, (int, list, tuple)) and _holds_ints_alone(array)
    if kind == "bool" or not (array.dtype.kind in "iu" or too_large):
        raise TypeError(f"{owner}: `targets` must be {_TARGET_KINDS}, got {kind} values.")
    return array


def _holds_bool(targets: Any) -> bool:
    if isinstance(targets, (list, tuple)):
        return any(_holds_bool(target) for target in targets)
    return isinstance(targets, (bool, np.bool_))


def _holds_ints_alone(array: np.ndarray) -> bool:
    """Whether it is what NumPy makes of ints that no dtype of its own can hold."""
    return array.dtype == object and all(isinstance(value, int) for value in array.flat)
