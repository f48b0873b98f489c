"""Classifiers with the two attributes OoDNet asks for, and without."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import nn


class Plain(nn.Cell):
    """Two Dense layers with a ReLU; features are what the second one takes."""

    def __init__(self, seed: int = 0, features: int = 6, classes: int = 3, pixels: int = 48):
        super().__init__()
        self.num_features = features
        self.output_features = False
        self.flatten = nn.Flatten()
        self.fc1 = nn.Dense(pixels, features)
        self.relu = nn.ReLU()
        self.fc2 = nn.Dense(features, classes)
        set_weights(self, seed)

    def construct(self, x):
        x = self.relu(self.fc1(self.flatten(x)))
        if self.output_features:
            return x
        return self.fc2(x)


class Convolution(nn.Cell):
    """Convolution and BatchNorm below the features."""

    def __init__(self, seed: int = 0, classes: int = 3):
        super().__init__()
        self.num_features = 8
        self.output_features = False
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.dense = nn.Dense(8, classes)
        set_weights(self, seed)

    def construct(self, x):
        x = self.relu(self.norm(self.conv(x))).mean(axis=(2, 3))
        if self.output_features:
            return x
        return self.dense(x)


class Wrapped(nn.Cell):
    """Hands the attributes on to the network inside."""

    def __init__(self):
        super().__init__()
        self.inner = Plain()

    @property
    def num_features(self):
        return self.inner.num_features

    @property
    def output_features(self):
        return self.inner.output_features

    @output_features.setter
    def output_features(self, value):
        self.inner.output_features = value

    def construct(self, x):
        return self.inner(x)


class Failing(Plain):
    """Raises when asked for features, until told otherwise."""

    fail = True

    def construct(self, x):
        if self.output_features and self.fail:
            raise RuntimeError("the classifier failed")
        x = self.relu(self.fc1(self.flatten(x)))
        if self.output_features:
            return x
        return self.fc2(x)


class Deaf(Plain):
    """Returns class scores whatever `output_features` says."""

    def construct(self, x):
        return self.fc2(self.relu(self.fc1(self.flatten(x))))


class WithAttributes(nn.Cell):
    """Has the attributes that it is given, and nothing else."""

    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


class ReadOnly(nn.Cell):
    """An `output_features` that cannot be set."""

    num_features = 3

    @property
    def output_features(self):
        return False


def set_weights(network: nn.Cell, seed: int) -> None:
    """Weights from a seed; variances are positive."""
    rng = np.random.default_rng(seed)
    for parameter in network.get_parameters():
        values = rng.normal(0, 0.5, parameter.shape)
        if "variance" in parameter.name:
            values = np.abs(values) + 0.5
        parameter.set_data(ms.Tensor(values.astype(np.float32)))


class Deep(nn.Cell):
    """Two Dense layers with a Dropout before them follow the features."""

    def __init__(self, seed: int = 0):
        super().__init__()
        self.num_features = 8
        self.output_features = False
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.SequentialCell(nn.Dropout(p=0.5), nn.Dense(8, 8), nn.ReLU(), nn.Dense(8, 3))
        set_weights(self, seed)

    def construct(self, x):
        x = self.conv(x).mean(axis=(2, 3))
        if self.output_features:
            return x
        return self.head(x)


class OddHead(Convolution):
    """Something follows the features that is no layer; a Dense of the right size is a decoy."""

    def construct(self, x):
        x = self.relu(self.norm(self.conv(x))).mean(axis=(2, 3))
        if self.output_features:
            return x
        return self.dense(x) * 2
