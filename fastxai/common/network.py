"""What explainers need to know of a network: its dtype, its output as one row of class scores."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import nn

_FLOATING = (ms.float32, ms.float16, ms.bfloat16, ms.float64)


def network_dtype(network: nn.Cell) -> Any:
    """What the network computes in: the dtype of its first floating-point parameter."""
    for parameter in network.get_parameters():
        if parameter.dtype in _FLOATING:
            return parameter.dtype
    return ms.float32


def class_scores(output: ms.Tensor) -> ms.Tensor:
    """A network's output as (M, classes): (M,) is one class, further axes are averaged."""
    if output.ndim == 1:
        output = output.reshape(-1, 1)
    if output.ndim > 2:
        output = output.mean(axis=tuple(range(2, output.ndim)))
    return output
