"""ResNet-50 with the parameter names of mindspore_xai's tutorial: its checkpoints load.

Source: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016; the
stride of a stage is in the 3x3 convolution of its first block.
"""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn

EXPANSION = 4  # channels of a block's output per channel of its 3x3 convolution
BLOCKS = (3, 4, 6, 3)  # of each stage
_BN_EPS = 1e-4


def _conv(channels_in: int, channels_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolution without bias; [N, channels_in, H, W] -> [N, channels_out, H/s, W/s]."""
    return nn.Conv2d(
        channels_in, channels_out, kernel, stride, pad_mode="same", weight_init="he_normal"
    )


def _norm(channels: int, gamma: str = "ones") -> nn.BatchNorm2d:
    """BatchNorm with the constants that the tutorial's checkpoint was trained with."""
    return nn.BatchNorm2d(channels, eps=_BN_EPS, gamma_init=gamma)


class Bottleneck(nn.Cell):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut.

    Args:
        channels_in: Channels of the input.
        channels: Channels of the 3x3 convolution; the output has four times as many.
        stride: Of the 3x3 convolution and of the shortcut.

    Inputs:
        x (Tensor): float32 [N, channels_in, H, W].

    Outputs:
        Tensor float32 [N, 4 * channels, H / stride, W / stride].
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        channels_out = EXPANSION * channels
        self.conv1, self.bn1 = _conv(channels_in, channels, 1), _norm(channels)
        self.conv2, self.bn2 = _conv(channels, channels, 3, stride), _norm(channels)
        # Starting at zero, the block is its shortcut: a deep net learns faster from there.
        self.conv3, self.bn3 = _conv(channels, channels_out, 1), _norm(channels_out, "zeros")
        self.relu = nn.ReLU()
        self.down_sample = stride != 1 or channels_in != channels_out
        if self.down_sample:
            self.down_sample_layer = nn.SequentialCell(
                _conv(channels_in, channels_out, 1, stride), _norm(channels_out)
            )

    def construct(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = self.down_sample_layer(x) if self.down_sample else x
        return self.relu(out + shortcut)


class ResNet(nn.Cell):
    """Residual network of four stages.

    `num_features` and `output_features` are what `fastxai.tool.cv.OoDNet` asks of a classifier:
    while `output_features` is True, the network returns what its last layer takes.

    Args:
        blocks: Blocks of each stage, four numbers.
        width: Channels after the first convolution; ResNet-50 has 64.
        class_num: Classes.

    Inputs:
        x (Tensor): float32 [N, 3, H, W], H and W multiples of 32.

    Outputs:
        Tensor float32 [N, class_num], logits; [N, num_features] while `output_features`.

    Supported Platforms:
        ``CPU`` (the only one tried)
    """

    def __init__(self, blocks: tuple[int, int, int, int], width: int, class_num: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = _conv(3, width, 7, 2), _norm(width), nn.ReLU()
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, pad_mode="same")
        self.layer1 = _stage(width, width, blocks[0], stride=1)
        self.layer2 = _stage(4 * width, 2 * width, blocks[1], stride=2)
        self.layer3 = _stage(8 * width, 4 * width, blocks[2], stride=2)
        self.layer4 = _stage(16 * width, 8 * width, blocks[3], stride=2)
        self.num_features = 32 * width
        self.output_features = False
        self.end_point = nn.Dense(self.num_features, class_num)

    def construct(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = x.mean((2, 3))
        if self.output_features:
            return x
        return self.end_point(x)


def _stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.SequentialCell:
    """Blocks in a row, the first with the stride."""
    rest = [Bottleneck(EXPANSION * channels, channels, 1) for _ in range(blocks - 1)]
    return nn.SequentialCell([Bottleneck(channels_in, channels, stride), *rest])


def resnet50(class_num: int = 10, width: int = 64) -> ResNet:
    """Build a ResNet-50.

    Args:
        class_num: Classes.
        width: Channels after the first convolution. All others grow and shrink with it: a network
            of width 8 has about 1/64 of the weights.

    Returns:
        The network, untrained.
    """
    return ResNet(BLOCKS, width, class_num)


def width_of(param_dict: dict[str, Parameter]) -> int:
    """Width of the ResNet that a checkpoint was saved from.

    Args:
        param_dict: What `mindspore.load_checkpoint` returned.
    """
    return param_dict["conv1.weight"].shape[0]
