"""A PyTorch network as what scores images: its dtype, its order of memory, its modes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from fastxai.arguments.input_dtype import InputDtypeSearch, Weights
from fastxai.arguments.scores import (
    Path,
    check_activation,
    check_axis,
    chosen_element,
    refused_kind,
    refused_shape,
)
from fastxai.system.call_lock import CallLock
from fastxai.system.forks import is_fork
from fastxai.system.temporary_state import TemporaryState, warn_of_training


def _put_back(part: nn.Module, training: bool) -> None:
    part.training = training or part.training  # True now: somebody has set it since


def _lapsed(part: nn.Module, training: bool) -> bool | None:
    if not part.training:
        return None
    part.training = False
    return True


_evaluated = TemporaryState(CallLock("A network's mode"), lambda part: part.training, _put_back)


@contextmanager
def evaluating(*modules: Any) -> Iterator[None]:
    """Evaluation mode and no gradients; every module's flag as it was afterwards.

    It may be nested, and be entered by several threads for networks that have modules in common:
    the last one out puts the flags back.

    Args:
        *modules: Modules; functions are left alone.
    """
    parts = [part for m in modules if isinstance(m, nn.Module) for part in m.modules()]

    def evaluate() -> None:
        for part in parts:
            part.training = False

    with _evaluated.applied(parts, evaluate), torch.no_grad():
        yield


@contextmanager
def ready(owner: str) -> Iterator[None]:
    """In a forked process sets PyTorch to one thread: its others are gone, it would wait for them.

    Args:
        owner: Who is to run it.
    """
    if is_fork() and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
    yield


class InputDtype(InputDtypeSearch):
    """Input dtype of one network, on each device.

    Args:
        network: The classifier.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network, torch.float32)

    def _weights(self) -> Weights:
        found = _floating(self.network.parameters())
        return found or [(torch.float32, 0), *_floating(self.network.buffers())]

    def _place(self, image: torch.Tensor) -> torch.device:
        return image.device

    def _takes(self, image: torch.Tensor, dtype: torch.dtype) -> bool:
        batch = image[None].to(dtype, memory_format=memory_format(self.network), copy=True)
        try:
            self.network(batch)
        except Exception:
            return False
        return True


def _floating(tensors: Iterable[torch.Tensor]) -> Weights:
    return [(tensor.dtype, tensor.ndim) for tensor in tensors if tensor.is_floating_point()]


def memory_format(network: nn.Module) -> torch.memory_format:
    """channels_last if that is how the network's convolutions are laid out."""
    for parameter in network.parameters():
        if parameter.ndim != 4 or parameter.is_contiguous():
            continue
        if parameter.is_contiguous(memory_format=torch.channels_last):
            return torch.channels_last
    return torch.contiguous_format


def convolutions_of(network: nn.Module) -> tuple[Any, ...]:
    """Input channels, kernel and stride (rows, columns) of each convolution of images."""
    return tuple(
        (each.in_channels, tuple(each.kernel_size), tuple(each.stride))
        for each in network.modules()
        if isinstance(each, nn.Conv2d)
    )


def check_device(owner: str, network: nn.Module, inputs: torch.Tensor) -> None:
    """Refuses images on another device than the network's.

    Raises:
        ValueError: They are.
    """
    for parameter in network.parameters():
        if parameter.device != inputs.device:
            raise ValueError(
                f"{owner}: `inputs` are on {inputs.device} and `network` on {parameter.device}; "
                "move one of them."
            )
        break


def activation_of(owner: str, activation_fn: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """The function that an activation stands for.

    Args:
        owner: Name for messages.
        activation_fn: None, 'softmax', 'sigmoid', a Module or another callable.

    Raises:
        TypeError: It is a class, or of another kind.
        ValueError: It is an unknown word, or a softmax over another axis than the classes.
    """
    check_activation(owner, activation_fn, "nn.Softmax(dim=1)")
    softmax = isinstance(activation_fn, (nn.Softmax, nn.LogSoftmax, nn.Softmin))
    check_axis(owner, activation_fn, activation_fn.dim if softmax else None)
    if activation_fn is None:
        return nn.Identity()
    if isinstance(activation_fn, str):
        return nn.Softmax(dim=1) if activation_fn == "softmax" else nn.Sigmoid()
    if isinstance(activation_fn, nn.Softmax2d):  # takes images alone
        return nn.Softmax(dim=1)
    return activation_fn


def chosen_output(output: Any, path: Path) -> torch.Tensor:
    """The Tensor of scores in what a network returned; `chosen_element` says of what.

    Raises:
        TypeError: There is no Tensor.
        ValueError: It has no such element.
    """
    output = chosen_element(output, path)
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, list) and output:
        raise TypeError(refused_kind(f"a list of {len(output)}", "output=0"))
    raise TypeError(refused_kind(type(output).__name__, ""))


def class_scores(
    output: torch.Tensor, activation: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A network's output as (M, classes), as `fastxai.network.scores.class_scores` has it.

    Arguments and errors as of `activated`.
    """
    return _averaged(activated(output, activation))


def activated(
    output: torch.Tensor, activation: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """A network's output as (M, classes, ...), the activation applied to the classes.

    Args:
        output: (M,), (M, classes) or (M, classes, ...).
        activation: Module or function of rows (., classes).

    Raises:
        TypeError: The activation returns no Tensor.
        ValueError: The output has no score, or the activation returns other rows.
    """
    if output.ndim == 0 or 0 in output.shape:
        raise ValueError(refused_shape(tuple(output.shape)))
    if output.ndim == 1:
        output = output[:, None]
    if not output.is_floating_point():
        output = output.float()
    if output.ndim == 2:
        return _averaged(_activated(output, activation))
    pixels = output.movedim(1, -1)
    values = _averaged(_activated(pixels.reshape(-1, output.shape[1]), activation))
    return values.reshape(*pixels.shape[:-1], values.shape[1]).movedim(-1, 1)


def _activated(
    rows: torch.Tensor, activation: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    values = activation(rows)
    if not isinstance(values, torch.Tensor):
        raise TypeError("`activation_fn` must return a Tensor of as many rows as it was given.")
    if values.ndim == 0 or len(values) != len(rows):
        raise ValueError(
            f"`activation_fn` must return as many rows as it was given, {tuple(rows.shape)}, got "
            f"shape {tuple(values.shape)}."
        )
    return values[:, None] if values.ndim == 1 else values


def _averaged(values: torch.Tensor) -> torch.Tensor:
    """(M, classes, ...) as (M, classes)."""
    return values if values.ndim == 2 else values.mean(dim=tuple(range(2, values.ndim)))


def renewed(network: nn.Module, batch: torch.Tensor) -> Any:
    """What a network returns for a batch, in evaluation mode whatever other threads do."""
    _evaluated.reapply(_lapsed)
    output = network(batch)
    if _evaluated.reapply(_lapsed):
        warn_of_training()
    return output
