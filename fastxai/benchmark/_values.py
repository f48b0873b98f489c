"""Numbers as users give them, and what is computed from maps and curves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import mindspore as ms
import numpy as np

_CONSTANT_RTOL = 4 * float(np.finfo(np.float32).eps)  # maps and scores are float32


def to_values(owner: str, result: Any) -> list[float]:
    """Results to aggregate, none dropped.

    Args:
        owner: Name for messages.
        result: A number, a 0-D or 1-D Tensor or ndarray of numbers, or a list or tuple of those.

    Returns:
        The numbers in their order; NaN is kept.

    Raises:
        TypeError: `result` is of another kind, or not of numbers.
        ValueError: It has more than one dimension, or is empty.
    """
    values = list(_flatten(owner, result))
    if not values:
        raise ValueError(f"{owner}: `result` must not be empty.")
    return values


def _flatten(owner: str, result: Any) -> Iterable[float]:
    if isinstance(result, (list, tuple)):
        for part in result:
            yield from _flatten(owner, part)
        return
    if isinstance(result, ms.Tensor):
        array = (result.astype(ms.float32) if result.dtype == ms.bfloat16 else result).asnumpy()
    else:
        array = np.asarray(result)
    if not isinstance(result, (ms.Tensor, np.ndarray, np.generic, int, float)) or (
        array.dtype.kind not in "fiu"
    ):
        kind = type(result).__name__
        raise TypeError(
            f"{owner}: `result` must be a float, an ndarray or a Tensor of numbers, or a list of "
            f"those, got {kind} of {array.dtype}."
        )
    if array.ndim > 1:
        raise ValueError(f"{owner}: `result` must be 0-D or 1-D, got shape {array.shape}.")
    yield from array.astype(np.float64).reshape(-1).tolist()


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values; 0 without any."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else 0.0


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape, in [-1, 1].

    0 where one of them is constant: where it varies by no more than 4 float32 roundings of its
    largest value.
    """
    if _is_constant(first) or _is_constant(second):
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    value = (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum())
    return float(np.clip(value, -1.0, 1.0))


def _is_constant(values: np.ndarray) -> bool:
    return bool(np.ptp(values) <= _CONSTANT_RTOL * np.abs(values).max())
