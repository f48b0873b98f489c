"""The demo's network: six convolutions, a map of evidence per class, ten logits."""

from __future__ import annotations

from pathlib import Path

import mindspore
from mindspore import Tensor, nn, ops

CLASS_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
CHECKPOINT = Path(__file__).with_name("demo_net.ckpt")

# (input channels, output channels, kernel, stride) of each block
_BLOCKS = (
    (3, 16, 5, 2),  # 96 -> 48 pixels
    (16, 24, 3, 2),  # 48 -> 24
    (24, 32, 3, 1),
    (32, 48, 3, 2),  # 24 -> 12
    (48, 64, 3, 1),
    (64, 96, 3, 1),
)


def _block(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.SequentialCell:
    """Convolution, BatchNorm, ReLU; [N, channels_in, H, W] -> [N, channels_out, H/s, W/s]."""
    return nn.SequentialCell(
        nn.Conv2d(
            channels_in,
            channels_out,
            kernel,
            stride,
            pad_mode="pad",
            padding=kernel // 2,
            weight_init="he_normal",
        ),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
    )


class DemoNet(nn.Cell):
    """Digit classifier for 96x96 RGB canvases; about 110 thousand parameters.

    A unit of the last block sees 57x57 pixels. A 1x1 convolution turns each of its 12x12 places
    into evidence for ten classes, and a logit is the log of the mean of exp(evidence) over the
    places: a soft maximum, so a digit counts wherever it stands, and two digits both count. A
    plain mean would dilute the few places of a small digit among 144.

    Inputs:
        **x** (Tensor) - float32 [N, 3, 96, 96], as `fastxai.demo.normalize` returns it.

    Outputs:
        Tensor, float32 [N, 10], logits: use `nn.Softmax` as the activation.

    Supported Platforms:
        ``CPU`` (the only one tried)
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell([_block(*block) for block in _BLOCKS])
        self.classifier = nn.Conv2d(_BLOCKS[-1][1], len(CLASS_NAMES), 1, has_bias=True)

    def construct(self, x: Tensor) -> Tensor:
        """Logits."""
        evidence = self.classifier(self.features(x))  # [N, 10, 12, 12]
        return ops.log(ops.exp(evidence).mean((2, 3)))


def demo_net() -> DemoNet:
    """Build the network with its trained weights, in evaluation mode.

    Raises:
        RuntimeError: `demo_net.ckpt` lacks a parameter of the network.
        ValueError: `demo_net.ckpt` is not beside this file.

    Supported Platforms:
        ``CPU`` (the only one tried)

    Examples:
        >>> import mindspore as ms
        >>> from fastxai.demo import CLASS_NAMES, demo_net, demo_picture, normalize
        >>> scores = demo_net()(ms.Tensor(normalize(demo_picture())[None])).asnumpy()[0]
        >>> [CLASS_NAMES[label] for label in sorted(scores.argsort()[-2:])]
        ['three', 'eight']
    """
    net = DemoNet()
    missing, _ = mindspore.load_param_into_net(net, mindspore.load_checkpoint(str(CHECKPOINT)))
    if missing:
        raise RuntimeError(f"demo_net: {CHECKPOINT} has no values for {missing}.")
    return net.set_train(False)
