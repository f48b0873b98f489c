"""The demo's network and its back-propagation by hand in NumPy, float64, nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.explainer._backprop import gate_gradient

_STRIDES = (2, 2, 1, 2, 1, 1)
_EPSILON = 1e-5  # of BatchNorm


class NumpyDemoNet:
    """Scores and gradients of a DemoNet.

    Args:
        network: The trained one; its weights are copied.
    """

    def __init__(self, network: Any) -> None:
        array = {p.name: p.asnumpy().astype(np.float64) for p in network.get_parameters()}
        self.blocks = []
        for i, stride in enumerate(_STRIDES):
            norm = f"features.{i}.1."
            scale = array[norm + "gamma"] / np.sqrt(array[norm + "moving_variance"] + _EPSILON)
            shift = array[norm + "beta"] - scale * array[norm + "moving_mean"]
            self.blocks.append((array[f"features.{i}.0.weight"], scale, shift, stride))
        self.head = array["classifier.weight"][:, :, 0, 0]
        self.bias = array["classifier.bias"]

    def features(self, x: np.ndarray) -> np.ndarray:
        """What the last block returns, (N, 96, 12, 12)."""
        return self._forward(x)[-1]

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Softmax of the scores, (N, 10): the shares of exp(evidence), since a score is its log."""
        return self._shares(self.features(x)).sum(axis=(2, 3))

    def gradients(
        self, x: np.ndarray, targets: list[int], gate: Callable = gate_gradient
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradient of the targets' scores by the images, by the last block; that block's output."""
        outputs = self._forward(x)
        odds = np.exp(self._evidence(outputs[-1]))[np.arange(len(x)), targets]
        odds /= odds.sum(axis=(1, 2), keepdims=True)  # the derivative of log mean exp
        g = last = odds[:, None] * self.head[targets][:, :, None, None]
        for i in reversed(range(len(self.blocks))):
            weight, scale, shift, stride = self.blocks[i]
            before = _conv(outputs[i], weight, stride) * _wide(scale) + _wide(shift)
            g = gate(g, before, np.inf) * _wide(scale)
            g = _conv_back(g, weight, stride, outputs[i].shape)
        return g, last, outputs[-1]

    def _forward(self, x: np.ndarray) -> list[np.ndarray]:
        """The images and the output of every block."""
        outputs = [x.astype(np.float64)]
        for weight, scale, shift, stride in self.blocks:
            x = _conv(outputs[-1], weight, stride) * _wide(scale) + _wide(shift)
            outputs.append(np.maximum(x, 0))
        return outputs

    def _evidence(self, features: np.ndarray) -> np.ndarray:
        return np.einsum("kc,ncyx->nkyx", self.head, features) + _wide(self.bias)

    def _shares(self, features: np.ndarray) -> np.ndarray:
        odds = np.exp(self._evidence(features))
        return odds / odds.sum(axis=(1, 2, 3), keepdims=True)


def _wide(values: np.ndarray) -> np.ndarray:
    return values[:, None, None]


def _conv(x: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """Odd kernel, zeros of half its size around."""
    size = weight.shape[2]
    pad = size // 2
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    return np.einsum("ncyxij,ocij->noyx", windows, weight, optimize=True)


def _conv_back(g: np.ndarray, weight: np.ndarray, stride: int, shape: tuple) -> np.ndarray:
    """Gradient with respect to the input, of this shape."""
    size = weight.shape[2]
    pad = size // 2
    x = np.zeros((*shape[:2], shape[2] + 2 * pad, shape[3] + 2 * pad))
    height, width = (stride * n for n in g.shape[2:])
    for i in range(size):
        for j in range(size):
            part = np.einsum("noyx,oc->ncyx", g, weight[:, :, i, j], optimize=True)
            x[:, :, i : i + height : stride, j : j + width : stride] += part
    return x[:, :, pad : pad + shape[2], pad : pad + shape[3]]
