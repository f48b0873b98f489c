"""Tensor functions under the names that mindspore_xai gives them, for scripts that import them.

Each is one call of MindSpore or NumPy. Functions named after NumPy's compute on the host, so they
work on any dtype and do not belong into a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

__all__ = [
    "absolute",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "assign",
    "intersection",
    "matmul",
    "maximum",
    "mean",
    "minimum",
    "mul",
    "randint",
    "random",
    "reshape",
    "softmax",
    "sort",
    "sqrt",
    "squeeze",
    "stack",
    "summation",
    "tile",
    "zeros",
    "zeros_like",
]

Axis = int | tuple[int, ...] | list[int]


def absolute(inputs: ms.Tensor) -> ms.Tensor:
    """Magnitudes."""
    return ops.abs(inputs)


def arange(start: float, end: float, step: float = 1, dtype: Any = None) -> ms.Tensor:
    """The integers start, start + step, ... before end, (K,) int32 or `dtype`."""
    return ms.Tensor(np.arange(start, end, step, np.int32), dtype)


def argmax(inputs: ms.Tensor, axis: int = -1, keep_dims: bool = False) -> ms.Tensor:
    """Places of the largest values along an axis, int32."""
    return ms.Tensor(inputs.asnumpy().argmax(axis=axis, keepdims=keep_dims), ms.int32)


def argmin(inputs: ms.Tensor, axis: int = -1, keep_dims: bool = False) -> ms.Tensor:
    """Places of the smallest values along an axis, int32."""
    return ms.Tensor(inputs.asnumpy().argmin(axis=axis, keepdims=keep_dims), ms.int32)


def argsort(inputs: ms.Tensor, axis: int = -1, descending: bool = False) -> ms.Tensor:
    """Places of the values in their order, int32, equal ones in the order of their places."""
    values = inputs.asnumpy()
    order = np.argsort(-values if descending else values, axis=axis, kind="stable")
    return ms.Tensor(order, ms.int32)


def assign(inputs: ms.Tensor, idx: Any, value: ms.Tensor) -> ms.Tensor:
    """A copy with the items at an index, as NumPy takes it, replaced."""
    places = tuple(_on_host(part) for part in idx) if isinstance(idx, tuple) else _on_host(idx)
    values = inputs.asnumpy().copy()
    values[places] = value.asnumpy()
    return ms.Tensor(values)


def intersection(*inputs: ms.Tensor) -> ms.Tensor:
    """Bitwise and of all inputs, booleans or integers of one shape."""
    return ms.Tensor(np.bitwise_and.reduce([part.asnumpy() for part in inputs]))


def matmul(inputs_x: ms.Tensor, inputs_y: ms.Tensor) -> ms.Tensor:
    """Matrix product."""
    return ops.matmul(inputs_x, inputs_y)


def maximum(inputs: ms.Tensor, axis: Axis = (), keep_dims: bool = False) -> ms.Tensor:
    """Largest value over axes; () is all of them."""
    return ops.ReduceMax(keep_dims)(inputs, axis)


def mean(inputs: ms.Tensor, axis: Axis = (), keep_dims: bool = False) -> ms.Tensor:
    """Mean over axes; () is all of them."""
    return ops.ReduceMean(keep_dims)(inputs, axis)


def minimum(inputs: ms.Tensor, axis: Axis = (), keep_dims: bool = False) -> ms.Tensor:
    """Smallest value over axes; () is all of them."""
    return ops.ReduceMin(keep_dims)(inputs, axis)


def mul(inputs_x: Any, inputs_y: Any) -> ms.Tensor:
    """Product item by item, with broadcasting."""
    return ops.mul(inputs_x, inputs_y)


def randint(low: int, high: int, shape: Any, dtype: Any = ms.int8) -> ms.Tensor:
    """Integers in [low, high) from NumPy's global generator."""
    return ms.Tensor(np.random.randint(low, high, size=shape), dtype)


def random(shape: Any, dtype: Any = None) -> ms.Tensor:
    """Numbers in [0, 1) from NumPy's global generator, float64 or `dtype`."""
    return ms.Tensor(np.random.random(shape), dtype)


def reshape(inputs: ms.Tensor, shape: int | tuple[int, ...]) -> ms.Tensor:
    """The same values in another shape."""
    return ops.reshape(inputs, (shape,) if isinstance(shape, int) else shape)


def softmax(axis: int = -1) -> nn.Cell:
    """The activation as a cell, not its result."""
    return nn.Softmax(axis)


def sort(inputs: ms.Tensor, axis: int = -1, descending: bool = False) -> ms.Tensor:
    """Values in their order along an axis."""
    values = np.sort(inputs.asnumpy(), axis=axis)
    return ms.Tensor(np.ascontiguousarray(np.flip(values, axis) if descending else values))


def sqrt(inputs: ms.Tensor) -> ms.Tensor:
    """Square roots."""
    return ops.sqrt(inputs)


def squeeze(inputs: ms.Tensor, axis: int | tuple[int, ...] = ()) -> ms.Tensor:
    """Without axes of length 1; () is all of them."""
    return ops.Squeeze(axis)(inputs)


def stack(inputs: Sequence[ms.Tensor], axis: int) -> ms.Tensor:
    """Tensors of one shape along a new axis."""
    return ops.stack(inputs, axis)


def summation(inputs: ms.Tensor, axis: Axis = (), keep_dims: bool = False) -> ms.Tensor:
    """Sum over axes; () is all of them."""
    return ops.ReduceSum(keep_dims)(inputs, axis)


def tile(inputs: ms.Tensor, shape: tuple[int, ...]) -> ms.Tensor:
    """Repeats along each axis."""
    return ops.tile(inputs, shape)


def zeros(shape: Any, dtype: Any = None) -> ms.Tensor:
    """Zeros, float64 or `dtype`."""
    return ms.Tensor(np.zeros(shape), dtype)


def zeros_like(inputs: ms.Tensor, dtype: Any = None) -> ms.Tensor:
    """Zeros in the shape of another tensor, of its dtype or `dtype`."""
    return ms.Tensor(np.zeros_like(inputs.asnumpy()), dtype)


def _on_host(index: Any) -> Any:
    return index.asnumpy() if isinstance(index, ms.Tensor) else index
