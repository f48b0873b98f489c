"""Numbers as users give them, and their mean."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import mindspore as ms
import numpy as np


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
