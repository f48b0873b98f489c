"""A PyTorch network as what scores images: its dtype, its order of memory, its modes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


@contextmanager
def evaluating(*modules: Any) -> Iterator[None]:
    """Evaluation mode and no gradients; every module's flag as it was afterwards.

    Args:
        *modules: Modules; functions are left alone.
    """
    parts = [part for m in modules if isinstance(m, nn.Module) for part in m.modules()]
    saved = [(part, part.training) for part in parts]
    try:
        for part in parts:
            part.training = False
        with torch.no_grad():
            yield
    finally:
        for part, training in saved:
            part.training = training


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
    scores = activation(network(batch))
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim > 2:
        scores = scores.mean(dim=tuple(range(2, scores.ndim)))
    return scores.float().contiguous()
