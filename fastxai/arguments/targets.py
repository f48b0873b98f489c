"""Targets as users give them, and scores as networks give them, checked; NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.system.tensors import host_array

_INT64_MAX = np.iinfo(np.int64).max
_SHOWN = 8  # classes that a hint repeats
_TARGET_KINDS = "an int, a list or tuple of ints, an integer ndarray or an integer Tensor"


def targets_array(owner: str, targets: Any, num_images: int) -> np.ndarray:
    """The targets as one array.

    Args:
        owner: Name for messages.
        targets: One class for all images, one class per image (N,), or L classes per image (N, L):
            ints, an array, or a Tensor of MindSpore or PyTorch.
        num_images: N.

    Returns:
        (N, L) int64.

    Raises:
        TypeError: `targets` is of another kind, or not of integers.
        ValueError: Another length than N, more than 2 dimensions, empty, or negative.
    """
    targets = host_array(targets)
    array = _target_array(owner, targets)
    if array.ndim == 0:
        array = np.full((num_images, 1), array)
    elif array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) != num_images or array.shape[1] == 0:
        shape = np.shape(_target_array(owner, targets))
        raise ValueError(
            f"{owner}: `targets` must be one class, ({num_images},) or ({num_images}, L) for "
            f"{num_images} image(s), got shape {shape}{_hint(array, shape, num_images)}."
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


def check_scores(owner: str, shape: tuple[int, ...], rows: int, targets: np.ndarray) -> None:
    """Refuses an output that is not one row of class scores per image.

    Raises:
        ValueError: Wrong shape, or a target that the network does not have.
    """
    if len(shape) != 2 or shape[0] != rows:
        raise ValueError(
            f"{owner}: `network` must return (M, classes) scores for M images, got shape "
            f"{tuple(shape)} for {rows} images."
        )
    check_target_range(owner, targets, shape[1])


def not_finite(owner: str, kind: str, first: int, last: int) -> ValueError:
    """The error about scores that are NaN or infinite, of copies `first` .. `last` of a kind."""
    return ValueError(
        f"{owner}: the network returned scores that are not finite for {kind} {first}..{last}. "
        "Check the network's weights and the range of the input values."
    )


def _hint(array: np.ndarray, shape: tuple[int, ...], num_images: int) -> str:
    """A hint at how to write several classes per image, where one list of them was given."""
    if len(shape) != 1:
        return ""
    classes = array[:, 0].tolist()
    written = str(classes) if len(classes) <= _SHOWN else f"[{classes[0]}, {classes[1]}, ...]"
    if num_images == 1:
        return f"; for {len(classes)} classes of the image write [{written}]"
    return f"; for {len(classes)} classes of every image write [{written}] * {num_images}"


def _target_array(owner: str, targets: Any) -> np.ndarray:
    if isinstance(targets, bool) or not isinstance(
        targets, (int, np.integer, list, tuple, np.ndarray)
    ):
        kind = type(targets).__name__
        raise TypeError(f"{owner}: `targets` must be {_TARGET_KINDS}, got {kind}.")
    else:
        try:
            array = np.array(targets)  # a copy: the caller may write into its own
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
