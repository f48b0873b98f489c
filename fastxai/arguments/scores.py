"""Which scores are explained, as users say it: activation, element of the output; no framework."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

Output: TypeAlias = int | str | tuple[int | str, ...] | None
Path: TypeAlias = tuple[int | str, ...]  # indices and keys, from the outside to the inside
ACTIVATIONS = ("softmax", "sigmoid")  # the words for `activation_fn`
_ONE_CLASS = np.array([[-3.0], [-0.5], [0.0], [0.5], [3.0]], np.float32)  # scores of one class
_SOFTMAXES = ("softmax", "log_softmax")

_log = logging.getLogger("fastxai")


def check_activation(owner: str, activation_fn: Any, instance: str) -> None:
    """Refuses what is no activation.

    Args:
        owner: Name for messages.
        activation_fn: None, one of the words, or anything that can be called but a class.
        instance: How a class called Softmax is made an instance, for messages.

    Raises:
        TypeError: It is a class, or of another kind.
        ValueError: It is an unknown word.
    """
    if isinstance(activation_fn, str):
        if activation_fn not in ACTIVATIONS:
            raise ValueError(
                f"{owner}: `activation_fn` must be one of {ACTIVATIONS}, None, or something that "
                f"can be called, got {activation_fn!r}."
            )
    elif isinstance(activation_fn, type):
        name = activation_fn.__name__
        of_nn = activation_fn.__module__.partition(".")[0] in ("mindspore", "torch")
        call = instance if name == "Softmax" else f"{'nn.' if of_nn else ''}{name}()"
        raise TypeError(
            f"{owner}: `activation_fn` must be an instance, got the class {name}: write {call}."
        )
    elif activation_fn is not None and not callable(activation_fn):
        raise TypeError(
            f"{owner}: `activation_fn` must be None, one of {ACTIVATIONS}, or something that can "
            f"be called, such as {instance}, got {type(activation_fn).__name__}."
        )


def check_axis(owner: str, activation_fn: Any, axis: Any = None) -> None:
    """Refuses a softmax over another axis than the classes.

    Args:
        owner: Name for messages.
        activation_fn: A `functools.partial` of a softmax is looked into.
        axis: What is known of any other; None: nothing.

    Raises:
        ValueError: The axis is not 1 or -1.
    """
    if isinstance(activation_fn, functools.partial) and _is_softmax(activation_fn.func):
        axis = activation_fn.keywords.get("axis", activation_fn.keywords.get("dim"))
    axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
    if axis is not None and axis not in (1, -1):
        raise ValueError(
            f"{owner}: `activation_fn` must act on axis 1 or -1, got {axis}: it is given rows of "
            "scores (., classes), also where the network's output is dense."
        )


def _is_softmax(function: Any) -> bool:
    return getattr(function, "__name__", "") in _SOFTMAXES


def check_rows(owner: str, classes: int, activate: Callable[[np.ndarray], np.ndarray]) -> None:
    """Refuses an activation that does not give every row of scores a result of its own.

    Args:
        owner: Name for messages.
        classes: How many the network has.
        activate: What the activation makes of rows (., classes) float32, which it may overwrite.

    Raises:
        ValueError: It makes one class's score a constant, as softmax does, or the result of a row
            depends on other rows.
    """
    if classes == 1:
        _check_one_class(owner, activate(_ONE_CLASS.copy()))
    rows = np.sin(np.arange(1, 4 * classes + 1, dtype=np.float32)).reshape(4, classes)
    others = 1 - 2 * rows
    others[0] = rows[0]
    first, again = activate(rows)[0], activate(others)[0]
    if not np.allclose(first, again, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise ValueError(
            f"{owner}: `activation_fn` makes the scores of an image depend on the other images of "
            "the batch. It is given rows of scores (., classes): let it act on axis 1."
        )


def _check_one_class(owner: str, values: np.ndarray) -> None:
    if values.size and bool((values == values.flat[0]).all()):
        raise ValueError(
            f"{owner}: `network` returns one score per image, and `activation_fn` makes it "
            f"{float(values.flat[0]):g} whatever it is, as a softmax of one class does. Use "
            "activation_fn='sigmoid', or None if the score is a probability."
        )


def output_path(owner: str, output: Any, name: str = "output") -> tuple[int | str, ...]:
    """`output`, or the argument `name`, as indices and keys from the outside in; () for None.

    Raises:
        TypeError: It is no int, str, or tuple or list of those.
        ValueError: It is an empty tuple.
    """
    if output is None:
        return ()
    path = tuple(output) if isinstance(output, (tuple, list)) else (output,)
    if not path:
        raise ValueError(f"{owner}: `{name}` must not be empty.")
    for step in path:
        if isinstance(step, bool) or not isinstance(step, (int, np.integer, str)):
            kind = type(step).__name__
            raise TypeError(
                f"{owner}: `{name}` must be an index, a key or a tuple of those, got {kind}."
            )
    return tuple(step if isinstance(step, str) else int(step) for step in path)


def chosen_element(output: Any, path: Path) -> Any:
    """The scores in what a network returned; no dict, tuple or list of several outputs.

    Args:
        output: What it returned.
        path: What leads to the scores.

    Raises:
        TypeError: There is a dict or a tuple.
        ValueError: It has no such element.
    """
    for step in path:
        try:
            if hasattr(output, "ndim"):  # its rows are those of the images
                raise IndexError
            output = output[step]
        except (LookupError, TypeError):
            known = list(output) if isinstance(output, Mapping) else type(output).__name__
            raise ValueError(
                f"`output` must lead to an element of what `network` returns, {known}, "
                f"got {step!r}."
            ) from None
    if isinstance(output, Mapping):
        keys = list(output)
        example = f"output={keys[0]!r}" if keys else ""
        raise TypeError(refused_kind(f"a dict with the keys {keys}", example))
    if isinstance(output, tuple):
        example = "output=0" if output else ""
        raise TypeError(refused_kind(f"a tuple of {len(output)}", example))
    return output


def refused_kind(kind: str, element: str) -> str:
    """The complaint about an output that is no Tensor.

    Args:
        kind: What it is, such as 'a tuple of 2'.
        element: How one of its elements is chosen, such as 'output=0'; '' if it has none.
    """
    if element == "":
        return f"`network` must return a Tensor of class scores (M, classes), got {kind}."
    return (
        f"`network` must return a Tensor of class scores (M, classes), got {kind}. Say which "
        f"element they are, such as {element}, or explain a network that returns them alone."
    )


def refused_shape(shape: Sequence[int]) -> str:
    """The complaint about an output without a score."""
    return f"`network` must return (M, classes) scores for M images, got shape {shape}."


def top_classes(owner: str, scores: np.ndarray) -> np.ndarray:
    """The class with the largest score of every image, (N, 1) int64; says which in the log.

    Raises:
        ValueError: A score is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{owner}: the network returned scores that are not finite. Check the network's "
            "weights and the range of the input values."
        )
    classes = scores.argmax(axis=1).astype(np.int64)
    _log.info("%s: `targets` is None: explains the top class of each image, %s.", owner, classes)
    return classes[:, None]
