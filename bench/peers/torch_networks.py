"""The benchmarks' networks in PyTorch's words, with the weights that MindSpore drew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch  # type: ignore[import-not-found]
from torch import nn
from torch.nn import functional

_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
# Of EfficientNet-Lite0: kernel, stride of the first block, expansion, channels, blocks.
_LITE_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_LITE_CHANNELS, _LITE_FEATURES = 32, 1280  # behind the stem, before the dense layer
_NAMES = {"gamma": "weight", "beta": "bias"}
_AVERAGES = {"moving_mean": "running_mean", "moving_variance": "running_var"}


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """As in bench/common/resnet50.py."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.reduce = _convolution(inputs, width, 1)
        self.middle = _convolution(width, width, 3, stride)
        self.expand = _convolution(width, outputs, 1)
        changes = stride != 1 or inputs != outputs
        self.shortcut = _convolution(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, inputs, H, W) to (M, 4 width, H / stride, W / stride)."""
        branch = functional.relu(self.reduce(x))
        branch = functional.relu(self.middle(branch))
        return functional.relu(self.expand(branch) + self.shortcut(x))


class ResNet50(nn.Module):
    """Images (M, 3, H, W) to probabilities (M, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 64, 7, 2))
        blocks: list[nn.Module] = []
        channels = 64
        for stage, (width, depth) in enumerate(_STAGES):
            for block in range(depth):
                blocks.append(Bottleneck(channels, width, 2 if stage > 0 and block == 0 else 1))
                channels = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(channels, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of images."""
        x = functional.relu(self.stem(x))
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)  # what 'same' pads
        return functional.softmax(self.classify(self.blocks(x).mean(dim=(2, 3))), dim=1)


class SameConvolution(nn.Conv2d):
    """Pads as MindSpore's 'same', more behind than before where it has to choose."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, inputs, H, W) to (M, outputs, H / stride, W / stride), rounded up."""
        sides = []
        for size in (x.shape[-1], x.shape[-2]):
            kernel, stride = self.kernel_size[0], self.stride[0]
            missing = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(x, sides))


class ConvNorm(nn.Module):
    """As in fastxai/demo/efficientnet_lite0.py."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        depthwise: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        groups = inputs if depthwise else 1
        self.conv = SameConvolution(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)
        self.act = nn.Identity() if linear else nn.ReLU6()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, inputs, H, W) to (M, outputs, H / stride, W / stride)."""
        return self.act(self.norm(self.conv(x)))


class InvertedResidual(nn.Module):
    """The same."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        parts = [ConvNorm(inputs, inner)] if expansion > 1 else []
        parts.append(ConvNorm(inner, inner, kernel, stride, depthwise=True))
        parts.append(ConvNorm(inner, outputs, linear=True))
        self.body = nn.Sequential(*parts)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, inputs, H, W) to (M, outputs, H / stride, W / stride)."""
        return self.body(x) + x if self.is_residual else self.body(x)


class EfficientNetLite0(nn.Module):
    """Images (M, 3, H, W) to probabilities (M, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, _LITE_CHANNELS, 3, 2)
        self.blocks = nn.Sequential(*_lite_blocks())
        self.head = ConvNorm(_LITE_STAGES[-1][3], _LITE_FEATURES)
        self.dense = nn.Linear(_LITE_FEATURES, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of images."""
        features = self.head(self.blocks(self.stem(x)))
        return functional.softmax(self.dense(features.mean(dim=(2, 3))), dim=1)


def _lite_blocks() -> Iterator[InvertedResidual]:
    inputs = _LITE_CHANNELS
    for kernel, stride, expansion, outputs, blocks in _LITE_STAGES:
        for block in range(blocks):
            yield InvertedResidual(inputs, outputs, kernel, 1 if block else stride, expansion)
            inputs = outputs


def load_network(folder: Path) -> nn.Module:
    """The network whose weights are in weights.npz, in evaluation mode."""
    with np.load(folder / "weights.npz") as weights:
        network = EfficientNetLite0() if "stem.conv.weight" in weights else ResNet50()
        state = {}
        for name, values in weights.items():
            stem, _, last = name.rpartition(".")
            last = {**_NAMES, **_AVERAGES}.get(last, last)
            state[f"{stem}.{last}"] = torch.from_numpy(values)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise RuntimeError(f"weights that do not fit: {missing}, {unexpected}")
    return network.eval()
