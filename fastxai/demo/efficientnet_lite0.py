"""EfficientNet-Lite0, an ImageNet classifier that a CPU runs hundreds of times in seconds.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML
2019, table 1, in the form of TensorFlow's `lite` models: no squeeze-and-excitation, ReLU6 in place
of swish, padding as TensorFlow's "SAME".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import nn

_EPSILON = 1e-3
_STEM, _HEAD, _CLASSES = 32, 1280, 1000


@dataclass(frozen=True)
class _Stage:
    """Blocks of one resolution: (kernel, stride of the first, expansion, channels, blocks)."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


_STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)


class ConvNorm(nn.Cell):
    """A convolution without bias, batch normalisation and, unless it is linear, ReLU6."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, channels, kernel, stride, "same", group=in_channels if depthwise else 1
        )
        self.norm = nn.BatchNorm2d(channels, eps=_EPSILON)
        self.act = nn.Identity() if linear else nn.ReLU6()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """From (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return self.act(self.norm(self.conv(x)))


class InvertedResidual(nn.Cell):
    """Expansion, depthwise convolution, projection; added to its input where shapes agree."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = in_channels * expansion
        parts = [ConvNorm(in_channels, inner)] if expansion > 1 else []
        parts.append(ConvNorm(inner, inner, kernel, stride, depthwise=True))
        parts.append(ConvNorm(inner, channels, linear=True))
        self.body = nn.SequentialCell(parts)
        self.is_residual = stride == 1 and in_channels == channels

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """From (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return self.body(x) + x if self.is_residual else self.body(x)


class EfficientNetLite0(nn.Cell):
    """Images (N, 3, 224, 224) float32, pixels less 127/255 over 128/255, to logits (N, 1000).

    Its layer for GradCAM is `head`, (N, 1280, 7, 7).

    Example:
        >>> import mindspore as ms
        >>> import numpy as np
        >>> from fastxai.demo.efficientnet_lite0 import EfficientNetLite0
        >>> network = EfficientNetLite0().set_train(False)  # random weights
        >>> network(ms.Tensor(np.zeros((1, 3, 224, 224), np.float32))).shape
        (1, 1000)
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, _STEM, 3, 2)
        self.blocks = nn.SequentialCell(list(_blocks()))
        self.head = ConvNorm(_STAGES[-1].channels, _HEAD)
        self.dense = nn.Dense(_HEAD, _CLASSES)

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Logits."""
        features = self.head(self.blocks(self.stem(images)))
        return self.dense(features.mean((2, 3)))

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Takes the weights of a PyTorch checkpoint of the same network.

        Args:
            arrays: Parameters in the order of the layers: of each convolution its weight, of its
                normalisation weight, bias, running mean and variance; last the dense layer's.

        Raises:
            ValueError: A number of parameters, or a shape, is another one.
        """
        wanted = [parameter for part in self._parts() for parameter in _parameters(part)]
        given = [(n, a) for n, a in arrays.items() if not n.endswith("num_batches_tracked")]
        if len(given) != len(wanted):
            raise ValueError(f"EfficientNetLite0 has {len(wanted)} parameters, got {len(given)}.")
        for parameter, (name, array) in zip(wanted, given, strict=True):
            if parameter.shape != array.shape:
                raise ValueError(
                    f"{parameter.name} has shape {parameter.shape}, got {array.shape} in {name}."
                )
            parameter.set_data(ms.Tensor(np.ascontiguousarray(array, np.float32)))

    def _parts(self) -> list[nn.Cell]:
        parts = [cell for _, cell in self.cells_and_names() if isinstance(cell, ConvNorm)]
        return [*parts, self.dense]


def _blocks() -> Iterator[InvertedResidual]:
    channels = _STEM
    for stage in _STAGES:
        for number in range(stage.blocks):
            stride = 1 if number else stage.stride
            yield InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion)
            channels = stage.channels


def _parameters(part: nn.Cell) -> list[ms.Parameter]:
    """In PyTorch's order."""
    if not isinstance(part, ConvNorm):
        return [part.weight, part.bias]
    norm = part.norm
    return [part.conv.weight, norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
