"""Which scores are explained, as users say it: activation, element of the output; no framework."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

ACTIVATIONS = ("softmax", "sigmoid")  # the words for `activation_fn`
ONE_CLASS = np.array([[-3.0], [-0.5], [0.0], [0.5], [3.0]], np.float32)  # scores of one class

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


def check_one_class(owner: str, values: np.ndarray) -> None:
    """Refuses an activation that makes one class's score a constant, as softmax does.

    Args:
        owner: Name for messages.
        values: What the activation made of `ONE_CLASS`.

    Raises:
        ValueError: They are all the same.
    """
    if values.size and bool((values == values.flat[0]).all()):
        raise ValueError(
            f"{owner}: `network` returns one score per image, and `activation_fn` makes it "
            f"{float(values.flat[0]):g} whatever it is, as a softmax of one class does. Use "
            "activation_fn='sigmoid', or None if the score is a probability."
        )


def output_path(owner: str, output: Any) -> tuple[int | str, ...]:
    """`output` as indices and keys from the outside to the inside; () for None.

    Raises:
        TypeError: It is no int, str, or tuple or list of those.
        ValueError: It is an empty tuple.
    """
    if output is None:
        return ()
    path = tuple(output) if isinstance(output, (tuple, list)) else (output,)
    if not path:
        raise ValueError(f"{owner}: `output` must not be empty.")
    for step in path:
        if isinstance(step, bool) or not isinstance(step, (int, np.integer, str)):
            kind = type(step).__name__
            raise TypeError(
                f"{owner}: `output` must be an index, a key or a tuple of those, got {kind}."
            )
    return tuple(step if isinstance(step, str) else int(step) for step in path)


def refused_kind(kind: str, element: str) -> str:
    """What is wrong with an output that is no Tensor.

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
    """What is wrong with an output without a score."""
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


def dtypes_to_try(found: Iterable[tuple[Any, int]], usual: Any) -> list[Any]:
    """Dtypes that a network may take images in, the likeliest first.

    The usual one is the first where the network has it at all: images are float32, so that a
    network which takes that loses nothing.

    Args:
        found: Floating dtype and number of axes of every weight.
        usual: float32.
    """
    weights = list(found)
    layers = [dtype for dtype, axes in weights if axes >= 2]
    order = [*layers, *(dtype for dtype, _ in weights)]
    known = list(dict.fromkeys(order)) or [usual]
    return sorted(known, key=lambda dtype: dtype != usual)
