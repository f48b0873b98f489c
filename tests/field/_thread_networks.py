"""A network of every kind of state that evaluation mode is about (graph mode needs a file)."""

import mindspore as ms
import numpy as np
from mindspore import nn


class Trained(nn.Cell):
    """Convolution, BatchNorm, Dropout and Dense, in training mode."""

    def __init__(self, seed=0, conv=None):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3) if conv is None else conv
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(p=0.5)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.dense = nn.Dense(4 * 196, 3)
        rng = np.random.default_rng(seed)
        for parameter in self.get_parameters():
            if "moving" not in parameter.name:
                values = rng.normal(0, 0.3, parameter.shape).astype(np.float32)
                parameter.set_data(ms.Tensor(values))
        self.set_train(True)

    def construct(self, x):
        return self.dense(self.flatten(self.relu(self.drop(self.norm(self.conv(x))))))


class WithFeatures(nn.Cell):
    """A classifier as OoDNet takes them."""

    def __init__(self, seed):
        super().__init__()
        self.num_features = 5
        self.output_features = False
        self.flatten = nn.Flatten()
        self.hidden = nn.Dense(3 * 14 * 14, 5)
        self.head = nn.Dense(5, 3)
        rng = np.random.default_rng(seed)
        for parameter in self.get_parameters():
            values = rng.normal(0, 0.3, parameter.shape).astype(np.float32)
            parameter.set_data(ms.Tensor(values))

    def construct(self, x):
        x = self.hidden(self.flatten(x))
        if self.output_features:
            return x
        return self.head(x)
