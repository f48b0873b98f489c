"""The networks whose forward passes are measured, with random weights: speed is all that counts."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import nn

from bench.common.resnet50 import make_resnet50

CLASSIFIERS = ("resnet50", "lite0")  # the second one is about four times as fast


def make_classifier(name: str) -> nn.Cell:
    """A network of 1000 classes for 224x224 pixels, the same every time, in evaluation mode."""
    if name == "resnet50":
        return make_resnet50()
    from fastxai.demo.efficientnet_lite0 import EfficientNetLite0

    ms.set_seed(0)
    network, rng = EfficientNetLite0().set_train(False), np.random.default_rng(0)
    for parameter in network.trainable_params():
        if parameter.ndim > 1:  # with MindSpore's own weights no signal reaches the scores
            deviation = (2 / np.prod(parameter.shape[1:])) ** 0.5
            values = rng.normal(0, deviation, parameter.shape).astype(np.float32)
            parameter.set_data(ms.Tensor(values))
    return network
