"""A PyTorch network as what scores images: its dtype, its order of memory, its modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from fastxai.common.forks import is_fork
from fastxai.common.held import Holder, warn_of_training
from fastxai.common.turns import Turn


def _put_back(part: nn.Module, training: bool) -> None:
    part.training = training or part.training  # True now: somebody has set it since


def _lapsed(part: nn.Module, training: bool) -> bool | None:
    if not part.training:
        return None
    part.training = False
    return True


_evaluated = Holder(Turn("A network's mode"), lambda part: part.training, _put_back)


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

    with _evaluated.holding(parts, evaluate), torch.no_grad():
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


def network_dtype(network: nn.Module) -> torch.dtype:
    """What the network computes in: the dtype of its first floating-point parameter."""
    for parameter in network.parameters():
        if parameter.is_floating_point():
            return parameter.dtype
    return torch.float32


def memory_format(network: nn.Module) -> torch.memory_format:
    """channels_last if that is how the network's convolutions are laid out."""
    for parameter in network.parameters():
        if parameter.ndim != 4 or parameter.is_contiguous():
            continue
        if parameter.is_contiguous(memory_format=torch.channels_last):
            return torch.channels_last
    return torch.contiguous_format


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


def score(
    network: nn.Module, activation: Callable[[Any], Any], batch: torch.Tensor
) -> torch.Tensor:
    """Scores (M, K) float32 of images; (M,) is one class, further axes are averaged."""
    _evaluated.renew(_lapsed)
    scores = activation(network(batch))
    if _evaluated.renew(_lapsed):
        warn_of_training()
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim > 2:
        scores = scores.mean(dim=tuple(range(2, scores.ndim)))
    return scores.float().contiguous()
