"""ResNet50 as the benchmark's network: the architecture with random weights.

Written from He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016,
table 1, in the variant that halves the picture in a block's 3x3 convolution (often called v1.5).
"""

from __future__ import annotations

import mindspore as ms
from mindspore import nn

_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # width of the 3x3 convolutions, blocks
_EXPANSION = 4
_BRANCH_SCALE = 0.2  # of a block's last norm: keeps the scores of random weights moderate


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.SequentialCell:
    layer = nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride,
        pad_mode="pad",
        padding=kernel // 2,
        has_bias=False,
        weight_init="HeNormal",
    )
    return nn.SequentialCell(layer, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Cell):
    """1x1, 3x3 and 1x1 convolution beside a shortcut.

    Args:
        inputs: Channels that come in.
        width: Channels of the 3x3 convolution; four times as many go out.
        stride: Of the 3x3 convolution and of the shortcut.
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.reduce = _convolution(inputs, width, 1)
        self.middle = _convolution(width, width, 3, stride)
        self.expand = _convolution(width, outputs, 1)
        self.expand[1].gamma.set_data(ms.ops.full((outputs,), _BRANCH_SCALE, dtype=ms.float32))
        changes = stride != 1 or inputs != outputs
        self.shortcut = _convolution(inputs, outputs, 1, stride) if changes else nn.Identity()
        self.relu = nn.ReLU()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """(M, inputs, H, W) to (M, 4 width, H / stride, W / stride)."""
        branch = self.relu(self.reduce(x))
        branch = self.relu(self.middle(branch))
        return self.relu(self.expand(branch) + self.shortcut(x))


class ResNet50(nn.Cell):
    """Images (M, 3, H, W) to scores (M, classes) before the softmax.

    Args:
        classes: Scores per image.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.SequentialCell(
            _convolution(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, pad_mode="same")
        )
        blocks = []
        channels = 64
        for stage, (width, depth) in enumerate(_STAGES):
            for block in range(depth):
                stride = 2 if stage > 0 and block == 0 else 1
                blocks.append(Bottleneck(channels, width, stride))
                channels = width * _EXPANSION
        self.blocks = nn.SequentialCell(blocks)
        self.classify = nn.Dense(channels, classes)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """Scores of images."""
        return self.classify(self.blocks(self.stem(x)).mean(axis=(2, 3)))


def make_resnet50(seed: int = 0, classes: int = 1000) -> ResNet50:
    """ResNet50 with random weights that depend on the seed alone, in evaluation mode."""
    ms.set_seed(seed)
    network = ResNet50(classes)
    network.set_train(False)
    return network
