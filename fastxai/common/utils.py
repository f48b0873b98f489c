"""Helpers under the names that mindspore_xai gives them, for scripts that import them."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from fastxai.arguments.targets import targets_array
from fastxai.network.layers import find_layer
from fastxai.visual.cv.display import in_notebook as is_notebook

__all__ = [
    "ForwardProbe",
    "abs_max",
    "calc_auc",
    "calc_correlation",
    "format_tensor_to_ndarray",
    "generate_one_hot",
    "is_notebook",
    "rank_pixels",
    "resize",
    "retrieve_layer",
    "retrieve_layer_by_name",
    "unify_inputs",
    "unify_targets",
]

_CONSTANT_RTOL = 4 * float(np.finfo(np.float32).eps)  # maps and scores are float32


def abs_max(gradients: ms.Tensor) -> ms.Tensor:
    """Largest magnitude over the channels.

    Args:
        gradients: (N, C, ...).

    Returns:
        (N, 1, ...), dtype of the gradients.
    """
    return ops.abs(gradients).max(axis=1, keepdims=True)


def generate_one_hot(indices: ms.Tensor, depth: int) -> ms.Tensor:
    """1 at each index, else 0.

    Args:
        indices: (...) integers in [0, depth).
        depth: Length of the new last axis.

    Returns:
        (..., depth) float32.
    """
    return (indices.expand_dims(-1) == ops.arange(depth)).astype(ms.float32)


def unify_inputs(inputs: Any) -> tuple[Any, ...]:
    """Inputs of a network as a tuple.

    Args:
        inputs: A tuple, returned as it is; a Tensor or an ndarray, which becomes its only item.

    Returns:
        The tuple; an ndarray is made a Tensor.

    Raises:
        TypeError: `inputs` is of another kind.
    """
    if isinstance(inputs, tuple):
        return inputs
    if isinstance(inputs, np.ndarray):
        return (ms.Tensor(inputs),)
    if isinstance(inputs, ms.Tensor):
        return (inputs,)
    kind = type(inputs).__name__
    raise TypeError(f"unify_inputs: `inputs` must be a tuple, a Tensor or an ndarray, got {kind}.")


def unify_targets(batch_size: int, targets: Any) -> ms.Tensor:
    """One target per image.

    Args:
        batch_size: N, images.
        targets: One class for all images, or one per image (N,): int, list, tuple, ndarray or
            Tensor of integers.

    Returns:
        (N,) int32.

    Raises:
        TypeError: `targets` is of another kind, or not of integers.
        ValueError: It has another length, or more than one class per image.
    """
    array = targets_array("unify_targets", targets, batch_size)
    if array.shape[1] != 1:
        raise ValueError(
            f"unify_targets: `targets` must be one class per image, got shape {array.shape}."
        )
    return ms.Tensor(array[:, 0].astype(np.int32))


def retrieve_layer(model: nn.Cell, target_layer: str | nn.Cell = "") -> nn.Cell:
    """`find_layer` under mindspore_xai's name.

    Raises:
        TypeError: `target_layer` is neither a str nor a Cell.
        ValueError: The model has no such layer.
    """
    return find_layer("retrieve_layer", model, target_layer)


def retrieve_layer_by_name(model: nn.Cell, layer_name: str) -> nn.Cell:
    """`find_layer` by name alone.

    Raises:
        TypeError: `layer_name` is not a str.
        ValueError: The model has no such layer.
    """
    if not isinstance(layer_name, str):
        kind = type(layer_name).__name__
        raise TypeError(f"retrieve_layer_by_name: `layer_name` must be a str, got {kind}.")
    return find_layer("retrieve_layer_by_name", model, layer_name)


class ForwardProbe:
    """Keeps what a layer last returned, in PYNATIVE_MODE, while the context is entered.

    Args:
        target_layer: A Cell; nothing is left on it afterwards.

    Raises:
        TypeError: `target_layer` is not a Cell.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.common.utils import ForwardProbe
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2))
        >>> with ForwardProbe(network[0]) as probe:
        ...     scores = network(ms.Tensor(np.ones((1, 1, 2, 2), np.float32)))
        ...     print(probe.value.shape)
        (1, 4)
    """

    def __init__(self, target_layer: nn.Cell) -> None:
        if not isinstance(target_layer, nn.Cell):
            kind = type(target_layer).__name__
            raise TypeError(f"ForwardProbe: `target_layer` must be an nn.Cell, got {kind}.")
        self._layer = target_layer
        self._value: Any = None
        self._handle: Any = None

    @property
    def value(self) -> Any:
        """Output of the layer's last call within the context; None before and after."""
        return self._value

    def __enter__(self) -> ForwardProbe:
        def keep(cell: nn.Cell, inputs: Any, output: Any) -> None:
            self._value = output

        self._handle = self._layer.register_forward_hook(keep)
        return self

    def __exit__(self, *_: Any) -> None:
        self._handle.remove()
        self._value = None


def format_tensor_to_ndarray(x: Any) -> np.ndarray:
    """A Tensor's values as an array; an ndarray as it is.

    Raises:
        TypeError: `x` is neither.
    """
    if isinstance(x, ms.Tensor):
        return x.asnumpy()
    if isinstance(x, np.ndarray):
        return x
    kind = type(x).__name__
    raise TypeError(f"format_tensor_to_ndarray: `x` must be a Tensor or an ndarray, got {kind}.")


def calc_correlation(x: Any, y: Any) -> float:
    """Pearson's correlation coefficient of two vectors, in [-1, 1].

    Args:
        x: (K,) Tensor or ndarray.
        y: (K,) likewise.

    Returns:
        The coefficient; 0 where a vector is constant: where it varies by no more than 4 float32
        roundings of its largest value.

    Raises:
        TypeError: An argument is neither a Tensor nor an ndarray.
        ValueError: The shapes differ, or are not (K,) with K at least 1.
    """
    first, second = (format_tensor_to_ndarray(value).astype(np.float64) for value in (x, y))
    if first.ndim != 1 or first.shape != second.shape or first.size == 0:
        raise ValueError(
            "calc_correlation: `x` and `y` must be vectors of one length, got shapes "
            f"{first.shape} and {second.shape}."
        )
    if _is_constant(first) or _is_constant(second):
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    value = (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum())
    return float(np.clip(value, -1.0, 1.0))


def _is_constant(values: np.ndarray) -> bool:
    return bool(np.ptp(values) <= _CONSTANT_RTOL * np.abs(values).max())


def calc_auc(x: np.ndarray) -> Any:
    """Area under a curve whose ends count for nothing: the inner values' sum over their number + 2.

    Args:
        x: (K,), K at least 1; (K, L, H, W) of a fully convolutional network is averaged over its
            pixels first.

    Returns:
        A number, or (L,).
    """
    if x.ndim == 4:
        x = x.mean(axis=(2, 3))
    return (x.sum(axis=0) - x[0] - x[-1]) / len(x)


def rank_pixels(inputs: np.ndarray, descending: bool = True) -> np.ndarray:
    """Each pixel's place in the order of the values, equal ones row by row.

    Args:
        inputs: (N, H, W) or (N, K), ranked row by row of the first axis.
        descending: The largest value has rank 0; else the smallest.

    Returns:
        int64 of the same shape, 0 .. H W - 1.

    Raises:
        ValueError: `inputs` is neither 2-D nor 3-D.
    """
    if inputs.ndim not in (2, 3):
        raise ValueError(f"rank_pixels: `inputs` must be 2-D or 3-D, got shape {inputs.shape}.")
    rows = inputs.reshape(len(inputs), -1)
    order = np.argsort(-rows if descending else rows, axis=1, kind="stable")
    ranks = np.empty(order.shape, np.int64)
    np.put_along_axis(ranks, order, np.arange(rows.shape[1])[None], axis=1)
    return ranks.reshape(inputs.shape)


def resize(inputs: ms.Tensor, size: tuple[int, int], mode: str) -> ms.Tensor:
    """Enlarges or reduces images, in floating point.

    Args:
        inputs: (N, C, H, W) floats.
        size: (rows, columns).
        mode: 'bilinear', with half-pixel centres, or 'nearest_neighbor'.

    Returns:
        (N, C, *size), dtype of the inputs.

    Raises:
        ValueError: Unknown `mode`.
    """
    if mode == "bilinear":
        half_pixel = ops.ResizeBilinearV2(align_corners=False, half_pixel_centers=True)
        return half_pixel(inputs.astype(ms.float32), size).astype(inputs.dtype)
    if mode == "nearest_neighbor":
        return ops.ResizeNearestNeighbor(size)(inputs)
    raise ValueError(f"resize: `mode` must be 'bilinear' or 'nearest_neighbor', got {mode!r}.")
