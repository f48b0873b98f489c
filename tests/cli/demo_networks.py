"""The demo's network with what OoDNet asks of a classifier; its checkpoint is the demo's."""

from mindspore import Tensor, ops

from fastxai.demo import CLASS_NAMES, DemoNet

__all__ = ["CLASS_NAMES", "DemoNet", "DemoWithFeatures"]


class DemoWithFeatures(DemoNet):
    """Features are the means of the last block's channels."""

    def __init__(self) -> None:
        super().__init__()
        self.num_features = 96
        self.output_features = False

    def construct(self, x: Tensor) -> Tensor:
        features = self.features(x)
        if self.output_features:
            return features.mean((2, 3))
        return ops.log(ops.exp(self.classifier(features)).mean((2, 3)))
