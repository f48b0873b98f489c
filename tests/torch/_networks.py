"""Networks whose scores NumPy can compute too, and a small convolutional one."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

SHAPE = (3, 20, 28)
CLASSES = 4


def linear() -> nn.Sequential:
    """Flatten and Linear with weights from NumPy."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(SHAPE)), CLASSES))
    weight, bias = linear_weights()
    with torch.no_grad():
        network[1].weight.copy_(torch.from_numpy(weight))
        network[1].bias.copy_(torch.from_numpy(bias))
    return network


def linear_weights() -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, pixels) and biases of `linear`."""
    rng = np.random.default_rng(12)
    weight = rng.normal(size=(CLASSES, int(np.prod(SHAPE)))) * 0.05
    return weight.astype(np.float32), rng.normal(size=CLASSES).astype(np.float32)


def linear_scores(images: np.ndarray) -> np.ndarray:
    """Softmax of `linear` in float64, (M, classes)."""
    weight, bias = linear_weights()
    logits = images.reshape(len(images), -1).astype(np.float64) @ weight.T + bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def convolutional() -> nn.Sequential:
    """Convolution, batch norm, an activation in place, pooling, Linear."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128, CLASSES),
    )


class Recorder(nn.Module):
    """Mean over pixels as scores; notes what it was given."""

    def __init__(self, dtype: torch.dtype, channels_last: bool) -> None:
        super().__init__()
        weight = torch.ones(2, 3, 2, 2, dtype=dtype)
        if channels_last:
            weight = weight.to(memory_format=torch.channels_last)
        self.weight = nn.Parameter(weight)
        self.seen: list[torch.Tensor] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.seen.append(batch.clone(memory_format=torch.preserve_format))
        return batch.float().mean(dim=(2, 3))


def pictures(count: int = 1) -> np.ndarray:
    """(count, 3, 20, 28) float32."""
    return np.random.default_rng(4).normal(size=(count, *SHAPE)).astype(np.float32)
