"""Hints at the right line, for inputs of another kind or shape; no framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastxai.arguments.caller_warning import warn_caller

_COLOURS = (1, 3, 4)
# What was raised where the network runs; MindSpore's graphs put quotes around it and lines below.
_OURS = re.compile(r"^['\"]?(`(?:network|output|activation_fn)` .*?\.)['\"]?(?:\n|$)")


@dataclass(frozen=True)
class Dialect:
    """Spellings of one framework."""

    kind: str  # what images are, with its article
    tensor: str  # makes a Tensor of an array, in front of parentheses
    stack: str  # makes a batch of a list of Tensors
    permute: str  # name of the method that reorders axes
    first_axis: str  # what makes a batch of one image


MINDSPORE = Dialect("a Tensor", "ms.Tensor", "ms.ops.stack", "transpose", "expand_dims(0)")
NUMPY = Dialect("an array", "np.asarray", "np.stack", "transpose", "reshape(1, *inputs.shape)")
TORCH = Dialect("a Tensor", "torch.from_numpy", "torch.stack", "permute", "unsqueeze(0)")


def wrong_kind(owner: str, inputs: Any, dialect: Dialect) -> TypeError:
    """The error about inputs that are no Tensor, with the line that makes them one."""
    kind = type(inputs).__name__
    line = _line_for(inputs, dialect)
    hint = f": use {line}" if line else ""
    return TypeError(f"{owner}: `inputs` must be {dialect.kind}, got {kind}{hint}.")


def wrong_shape(owner: str, shape: tuple[int, ...], dialect: Dialect) -> ValueError:
    """The error about a Tensor that is no batch of images, with the line that makes it one."""
    line = ""
    if 0 not in shape and len(shape) == 3:
        line = f"inputs.{dialect.first_axis}"
        if _channels_last(shape):
            line = f"inputs.{dialect.permute}(2, 0, 1).{dialect.first_axis}"
    elif 0 not in shape and len(shape) == 2:
        line = f"inputs.reshape(1, 1, {shape[0]}, {shape[1]})"
    hint = f"; for one image use {line}" if line else ""
    return ValueError(
        f"{owner}: `inputs` must be (N, C, H, W) with N at least 1, got shape {shape}{hint}."
    )


def warn_of_channels_last(owner: str, shape: tuple[int, ...], dialect: Dialect) -> None:
    """Warns of a batch that looks like (N, H, W, C), where the network does not show its channels.

    Warns:
        UserWarning: It does; its maps would be of columns and channels instead of pixels.
    """
    channels, rows, columns = shape[1:]
    colours = columns in _COLOURS[1:] or (columns == 1 and channels == rows)
    if colours and _channels_last(shape[1:]):
        warn_caller(
            f"{owner}: `inputs` {shape} are taken as (N, C, H, W), images of {channels} channels "
            f"and {columns} columns. If they are (N, H, W, C), use "
            f"inputs.{dialect.permute}(0, 3, 1, 2)."
        )


def _line_for(inputs: Any, dialect: Dialect) -> str:
    module = type(inputs).__module__.partition(".")[0]
    if module == "PIL":
        array = 'np.asarray(inputs.convert("RGB"), np.float32).transpose(2, 0, 1)[None]'
        made = f"{array} / 255" if dialect is NUMPY else f"{dialect.tensor}({array}.copy() / 255)"
        return f"{made}, and scale it as for the network's training"
    if module == "numpy":
        return _line_for_array(tuple(inputs.shape), dialect)
    if module == "torch":
        return f"{dialect.tensor}(inputs.detach().cpu().numpy()), or fastxai.torch"
    if module == "mindspore" and hasattr(inputs, "asnumpy"):
        return f"{dialect.tensor}(inputs.asnumpy()), or fastxai.explainer"
    if isinstance(inputs, (list, tuple)) and inputs:
        if type(inputs[0]).__name__ == "ndarray":
            return f"{dialect.tensor}(np.stack(inputs))"
        if type(inputs[0]).__name__ in ("Tensor", "Parameter"):
            return f"{dialect.stack}(inputs)"
        if dialect is NUMPY:
            return "np.asarray(inputs, np.float32)"
        return f"a Tensor (N, C, H, W) instead of a {type(inputs).__name__}"
    return ""


def _line_for_array(shape: tuple[int, ...], dialect: Dialect) -> str:
    if len(shape) == 3 and _channels_last(shape):
        return f"{dialect.tensor}(inputs.transpose(2, 0, 1)[None].copy())"
    if len(shape) == 3:
        return f"{dialect.tensor}(inputs[None])"
    if len(shape) == 2:
        return f"{dialect.tensor}(inputs[None, None])"
    if len(shape) == 4 and _channels_last(shape[1:]):
        return f"{dialect.tensor}(inputs.transpose(0, 3, 1, 2).copy())"
    return f"{dialect.tensor}(inputs)"


def _channels_last(shape: tuple[int, ...]) -> bool:
    """Whether (A, B, C) looks like rows, columns and channels, and not the other way round."""
    return shape[2] in _COLOURS and shape[0] not in _COLOURS


@contextmanager
def in_our_words(
    owner: str,
    layers: Callable[[], Iterable[Any]],
    shape: tuple[int, ...],
    dialect: Dialect = MINDSPORE,
) -> Iterator[None]:
    """Says what is wrong with outputs and channels in a line of ours, where a network fails.

    A network that takes the images is never refused: only what was raised is looked at.

    Args:
        owner: Name for messages.
        layers: Gives all layers of the network.
        shape: (N, C, H, W) of the images.
        dialect: Of the framework.

    Raises:
        TypeError: The network returns something else than scores.
        ValueError: Likewise, or the images have other channels than the network takes.
        Exception: What was raised, if it is neither.
    """
    try:
        yield
    except Exception as error:
        text = str(error)
        if text.startswith(f"{owner}: "):
            raise
        ours = _OURS.match(text)
        if ours and isinstance(error, (TypeError, ValueError)):
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{owner}: {ours[1]}") from error
        words = _wrong_channels(layers(), shape, dialect)
        if words:
            raise ValueError(f"{owner}: {words}") from error
        raise


def _wrong_channels(layers: Iterable[Any], shape: tuple[int, ...], dialect: Dialect) -> str:
    """The complaint about the images' channels, or ''; by the first layer that counts them."""
    _, channels, rows, columns = shape
    dense = 0  # numbers that the first dense layer takes
    for layer in layers:
        taken = getattr(layer, "in_channels", getattr(layer, "in_features", None))
        if not isinstance(taken, int) or isinstance(taken, bool):
            continue
        if "conv" not in type(layer).__name__.lower():
            dense = dense or taken
            continue
        if taken == channels:
            return ""
        words = f"`inputs` has {channels} channels, and `network` takes {taken}"
        if columns == taken:
            return (
                f"{words}: are its axes in the order N, H, W, C? Use "
                f"inputs.{dialect.permute}(0, 3, 1, 2)."
            )
        return f"{words} (its first convolution), got shape {shape}."
    if dense and dense not in (channels, columns, channels * rows * columns):
        return (
            f"`inputs` has {channels * rows * columns} values per image, and `network` takes "
            f"{dense} (its first dense layer), got shape {shape}."
        )
    return ""
