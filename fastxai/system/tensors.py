"""Tensors of frameworks that need not be installed."""

from __future__ import annotations

from typing import Any

import numpy as np


def host_array(value: Any) -> Any:
    """A Tensor of MindSpore or PyTorch as an array on the host; anything else as it is.

    PyTorch's halves become float32, as NumPy lacks one of them.
    """
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "asnumpy"):
        return value.asnumpy()
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    half = tensor.is_floating_point() and tensor.element_size() < 4
    return (tensor.float() if half else tensor).numpy()


def as_array(output: Any, must: str = "`network` must return") -> np.ndarray:
    """What a user's function returned, as an array of numbers.

    Args:
        output: An array, a Tensor, or what `numpy.asarray` makes one of.
        must: How a message about it begins.

    Raises:
        TypeError: It holds no numbers.
        ValueError: It is ragged.
    """
    try:
        array = np.asarray(host_array(output))
    except ValueError:
        raise ValueError(f"{must} rows of one length, got a ragged list.") from None
    if array.dtype.kind not in "fiub":
        kind = type(output).__name__ if array.dtype == object else f"{array.dtype} values"
        raise TypeError(f"{must} an array of numbers, got {kind}.")
    return array
