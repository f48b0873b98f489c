"""A small CNN and its back-propagation written by hand in NumPy, float64, nothing of ours."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import nn

SIZE = (10, 14)
CLASSES = 4


class SmallCnn(nn.Cell):
    """conv, BatchNorm, ReLU, max pool, conv, ReLU6, Dense; weights from a seed."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(4, 6, 3, has_bias=True)
        self.relu6 = nn.ReLU6()
        self.flatten = nn.Flatten()
        self.dense = nn.Dense(6 * SIZE[0] * SIZE[1] // 4, CLASSES)
        rng = np.random.default_rng(seed)
        for parameter in self.get_parameters():
            values = rng.normal(0, 0.5, parameter.shape)
            if "variance" in parameter.name:
                values = np.abs(values) + 0.5
            parameter.set_data(ms.Tensor(values.astype(np.float32)))

    def construct(self, x):
        x = self.pool(self.relu(self.norm(self.conv1(x))))
        return self.dense(self.flatten(self.relu6(self.conv2(x))))


def images(count: int = 2, seed: int = 1) -> np.ndarray:
    """(N, 3, 10, 14), large enough for ReLU6 to saturate here and there."""
    return np.random.default_rng(seed).normal(0, 2, (count, 3, *SIZE)).astype(np.float32)


def gate_gradient(g, x, top):
    """Of min(relu(x), top)."""
    return g * ((x > 0) & (x < top))


def gate_guided(g, x, top):
    """Springenberg et al. 2015."""
    return np.maximum(g, 0) * ((x > 0) & (x < top))


def gate_deconvolution(g, x, top):
    """Zeiler and Fergus 2014."""
    return np.maximum(g, 0)


def outputs_and_gradients(network, x, targets, gate=gate_gradient):
    """Output of every layer and gradient of the targets' scores with respect to it.

    Returns:
        Two dicts by layer name; '' is the input, 'dense' the scores.
    """
    first, second, last = (
        part.weight.asnumpy().astype(np.float64)
        for part in (network.conv1, network.conv2, network.dense)
    )
    gamma, beta, mean, variance = (
        value.asnumpy().astype(np.float64)[:, None, None]
        for value in (
            network.norm.gamma,
            network.norm.beta,
            network.norm.moving_mean,
            network.norm.moving_variance,
        )
    )
    scale = gamma / np.sqrt(variance + 1e-5)
    a = {"": x.astype(np.float64)}
    a["conv1"] = _conv(a[""], first)
    a["norm"] = (a["conv1"] - mean) * scale + beta
    a["relu"] = np.maximum(a["norm"], 0)
    a["pool"] = _windows(a["relu"]).max(axis=-1)
    a["conv2"] = _conv(a["pool"], second) + network.conv2.bias.asnumpy()[:, None, None]
    a["relu6"] = np.clip(a["conv2"], 0, 6)
    a["dense"] = a["relu6"].reshape(len(x), -1) @ last.T + network.dense.bias.asnumpy()

    g = {"dense": np.eye(CLASSES)[targets]}
    g["relu6"] = (g["dense"] @ last).reshape(a["relu6"].shape)
    g["conv2"] = gate(g["relu6"], a["conv2"], 6)
    g["pool"] = _conv_back(g["conv2"], second)
    g["relu"] = _pool_back(g["pool"], a["relu"])
    g["norm"] = gate(g["relu"], a["norm"], np.inf)
    g["conv1"] = g["norm"] * scale
    g[""] = _conv_back(g["conv1"], first)
    return a, g


def saliency(kind, network, x, targets, layer="relu"):
    """Map (N, 1, H, W) of an explainer, by its class's name."""
    gates = {"GuidedBackprop": gate_guided, "Deconvolution": gate_deconvolution}
    gate = gates.get(kind, gate_gradient)
    a, g = outputs_and_gradients(network, x, targets, gate)
    if kind == "GradCAM":
        return class_activation_map(a[layer], g[layer], x.shape[2:])[:, None]
    return np.abs(g[""]).max(axis=1)[:, None]


def class_activation_map(activation, gradient, size):
    """Selvaraju et al. 2017, equations 1 and 2, then `resize`."""
    weights = gradient.mean(axis=(2, 3), keepdims=True)
    return resize(np.maximum((weights * activation).sum(axis=1), 0), size)


def resize(maps, size):
    """(N, h, w) to (N, H, W), bilinear: pixel centres at halves, edges repeated."""
    rows = _interpolation(maps.shape[1], size[0])
    cols = _interpolation(maps.shape[2], size[1])
    return np.einsum("yi,nij,xj->nyx", rows, maps, cols)


def _interpolation(source: int, target: int) -> np.ndarray:
    """(target, source): how much each source pixel counts."""
    centres = (np.arange(target) + 0.5) * source / target - 0.5
    distance = np.abs(np.clip(centres, 0, source - 1)[:, None] - np.arange(source))
    return np.maximum(1 - distance, 0)


def _windows(x):
    """(N, C, h, w, 4) of 2 x 2 windows."""
    n, c, height, width = x.shape
    x = x.reshape(n, c, height // 2, 2, width // 2, 2)
    return x.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, height // 2, width // 2, 4)


def _pool_back(g, x):
    """To the first largest pixel of each window."""
    first = np.eye(4)[_windows(x).argmax(axis=-1)] * g[..., None]
    n, c, height, width = g.shape
    first = first.reshape(n, c, height, width, 2, 2).transpose(0, 1, 2, 4, 3, 5)
    return first.reshape(x.shape)


def _conv(x, weight):
    """3 x 3, zeros around, as MindSpore's 'same'."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = x.shape[2:]
    return sum(
        np.einsum("oc,ncyx->noyx", weight[:, :, i, j], padded[:, :, i : i + height, j : j + width])
        for i in range(3)
        for j in range(3)
    )


def _conv_back(g, weight):
    """Gradient with respect to the input: the turned kernel, channels exchanged."""
    return _conv(g, weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3))
