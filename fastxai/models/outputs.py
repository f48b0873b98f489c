"""From what a model returns to scores (M, K); NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastxai.arguments.scores import check_activation, check_axis, refused_shape
from fastxai.system.tensors import as_array

Activation = Callable[[np.ndarray], Any] | str | None


def activation_of(owner: str, activation_fn: Any) -> Callable[[np.ndarray], Any] | None:
    """A function of rows (., classes) for what users give.

    Raises:
        TypeError: It is of another kind.
        ValueError: It is an unknown word.
    """
    check_activation(owner, activation_fn, "'softmax'")
    check_axis(owner, activation_fn)
    return _WORDS[activation_fn] if isinstance(activation_fn, str) else activation_fn


def class_scores(
    output: np.ndarray, activation: Callable[[np.ndarray], Any] | None = None
) -> np.ndarray:
    """An output as (M, classes); the same rules as `fastxai.network.scores.class_scores`.

    Args:
        output: (M,), (M, classes) or (M, classes, ...).
        activation: Function of rows; None: there is none.

    Raises:
        ValueError: The output has no score, or the activation returns other rows.
    """
    values = activated(output, activation)
    return values if values.ndim == 2 else values.mean(axis=tuple(range(2, values.ndim)))


def activated(
    output: np.ndarray, activation: Callable[[np.ndarray], Any] | None = None
) -> np.ndarray:
    """An output float32 (M, classes, ...), the activation applied to the classes.

    Raises:
        ValueError: The output has no score, or the activation returns other rows.
    """
    if output.ndim == 0 or 0 in output.shape:
        raise ValueError(refused_shape(output.shape))
    if output.ndim == 1:
        output = output[:, None]
    output = output.astype(np.float32)
    if activation is None:
        return output
    last = np.moveaxis(output, 1, -1)
    rows = np.ascontiguousarray(last).reshape(-1, last.shape[-1])
    values = as_array(activation(rows))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or len(values) != len(rows):
        raise ValueError(
            f"`activation_fn` must return as many rows as it was given, {rows.shape}, got shape "
            f"{values.shape}."
        )
    return np.moveaxis(values.reshape(*last.shape[:-1], -1), -1, 1).astype(np.float32)


def _softmax(rows: np.ndarray) -> np.ndarray:
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(rows: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * rows))  # does not overflow


_WORDS: dict[str, Callable[[np.ndarray], Any]] = {"softmax": _softmax, "sigmoid": _sigmoid}
