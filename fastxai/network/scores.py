"""Class scores from what a network returns: the one place for every caller.

The functions run inside compiled graphs too, where a condition on shapes and kinds is decided when
the graph is compiled.
"""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn

from fastxai.arguments.scores import refused_kind, refused_shape


def chosen_output(output: Any, path: tuple[int | str, ...] = ()) -> ms.Tensor:
    """The Tensor of scores in what a network returned.

    Args:
        output: What it returned.
        path: Indices and keys that lead to the scores, from the outside to the inside.

    Raises:
        TypeError: There is no Tensor.
        ValueError: It has no such element.
    """
    for step in path:
        output = _element(output, step)
    if isinstance(output, ms.Tensor):
        return output
    if isinstance(output, dict):
        keys = [f"{key}" for key in output]
        raise TypeError(refused_kind(f"a dict with the keys {keys}", f"output='{keys[0]}'"))
    if isinstance(output, tuple):
        raise TypeError(refused_kind(f"a tuple of {len(output)}", "output=0"))
    if isinstance(output, list):
        raise TypeError(refused_kind(f"a list of {len(output)}", "output=0"))
    raise TypeError(refused_kind("something else", ""))


def _element(output: Any, step: int | str) -> Any:
    if isinstance(output, dict):
        if step not in output:
            raise ValueError(f"`output` must be a key of what `network` returns, got {step}.")
        return output[step]
    if isinstance(output, (tuple, list)) and isinstance(step, int):
        if not -len(output) <= step < len(output):
            raise ValueError(
                f"`output` must be an index of what `network` returns, {len(output)} elements, "
                f"got {step}."
            )
        return output[step]
    raise ValueError(f"`output` must be None where `network` returns no such element, got {step}.")


def class_scores(output: ms.Tensor, activation: Any = None) -> ms.Tensor:
    """A network's output as (M, classes): activated, then averaged over further axes.

    Args:
        output: (M,), (M, classes) or (M, classes, ...).
        activation: Cell or function of rows; None: there is none.

    Raises:
        TypeError: The activation returns no Tensor.
        ValueError: The output has no score, or the activation returns other rows.
    """
    return _averaged(activated(output, activation))


def activated(output: ms.Tensor, activation: Any = None) -> ms.Tensor:
    """A network's output as (M, classes, ...), the activation applied to the classes.

    (M,) is one class, (M, 1). The activation gets rows of classes, (M, classes) or, of an output
    (M, classes, h, w), the M h w pixels' rows: axis 1 and axis -1 are the classes, whichever it
    acts on.

    Args:
        output: (M,), (M, classes) or (M, classes, ...).
        activation: Cell or function of rows; None: there is none.

    Raises:
        TypeError: The activation returns no Tensor.
        ValueError: The output has no score, or the activation returns other rows.
    """
    if output.ndim == 0 or 0 in output.shape:
        raise ValueError(refused_shape(output.shape))
    if output.ndim == 1:
        output = output.reshape(-1, 1)
    # MindSpore has no activation of bfloat16 for CPUs.
    if not output.is_floating_point() or output.dtype == ms.bfloat16:
        output = output.astype(ms.float32)
    if activation is None:
        return output
    if output.ndim == 2:
        return _averaged(_activated(output, activation))
    axes = tuple(range(output.ndim))
    rows = output.transpose(axes[:1] + axes[2:] + axes[1:2])
    values = _averaged(_activated(rows.reshape(-1, output.shape[1]), activation))
    values = values.reshape(rows.shape[:-1] + (values.shape[1],))
    return values.transpose(axes[:1] + axes[-1:] + axes[1:-1])


def _activated(rows: ms.Tensor, activation: Any) -> ms.Tensor:
    values = activation(rows)
    if not isinstance(values, ms.Tensor):
        raise TypeError("`activation_fn` must return a Tensor of as many rows as it was given.")
    if values.ndim == 0 or values.shape[0] != rows.shape[0]:
        raise ValueError(
            f"`activation_fn` must return as many rows as it was given, {rows.shape}, got shape "
            f"{values.shape}."
        )
    return values.reshape(-1, 1) if values.ndim == 1 else values


def _averaged(values: ms.Tensor) -> ms.Tensor:
    """(M, classes, ...) as (M, classes)."""
    if values.ndim > 2:
        values = values.mean(axis=tuple(range(2, values.ndim)))
    return values


class ScoreCell(nn.Cell):
    """Images to activated scores (M, K) float32; further output axes are averaged, or kept.

    `auto_prefix=False` keeps MindSpore from renaming the parameters of the caller's network.

    Args:
        network: The classifier.
        activation: Cell or function of rows of scores.
        dtype: What the network takes.
        output: Indices and keys that lead to the scores in what it returns.
        whole: Keep further axes, (M, K, ...).
    """

    def __init__(
        self,
        network: nn.Cell,
        activation: Any,
        dtype: Any,
        output: tuple[int | str, ...] = (),
        whole: bool = False,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.whole = whole
        self.network = network
        self.activation = activation
        self.dtype = dtype
        self.output = output

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Scores of images (M, C, H, W)."""
        output = chosen_output(self.network(images.astype(self.dtype)), self.output)
        if self.whole:
            return activated(output, self.activation).astype(ms.float32)
        return class_scores(output, self.activation).astype(ms.float32)
