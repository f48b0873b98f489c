"""GradCAM's error for a layer without positions named convolutions only, whatever a layer gives.

What can be explained is seen from the outputs alone.
"""

import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import GradCAM

IMAGES = ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, 12, 16)).astype(np.float32))


class Tokens(nn.Cell):
    """Images to tokens (N, L, C) by a convolution inside; `self.conv` gives 4 axes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, 4, pad_mode="valid", has_bias=True)
        self.norm = nn.LayerNorm((8,))

    def construct(self, x):
        x = self.conv(x)
        return self.norm(x.reshape(x.shape[0], 8, -1).swapaxes(1, 2))


class Block(nn.Cell):
    """Mixes tokens and channels."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Dense(12, 12)
        self.mlp = nn.SequentialCell(nn.Dense(8, 16), nn.GELU(), nn.Dense(16, 8))

    def construct(self, x):
        x = x + self.mix(x.swapaxes(1, 2)).swapaxes(1, 2)
        return x + self.mlp(x)


class Transformer(nn.Cell):
    """Tokens, blocks, back to (N, K, h, w), pooled."""

    def __init__(self):
        super().__init__()
        self.embed = Tokens()
        self.blocks = nn.SequentialCell(Block(), Block())
        self.twice = nn.ReLU()
        self.unused = nn.Conv2d(3, 4, 3)
        self.maps = nn.Identity()
        self.views = nn.Identity()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Dense(8, 5)

    def construct(self, x):
        x = self.blocks(self.embed(x))
        x = self.maps(x.swapaxes(1, 2).reshape(-1, 8, 3, 4) * 1)
        x = self.twice(self.twice(x + 1))
        x = self.views(ops.cat([x, x]))[: x.shape[0]]  # two rows per image
        return self.head(self.pool(x).reshape(-1, 8))


class Attends(nn.Cell):
    """Tokens, and a layer that gives (N, 1, L, L)."""

    def __init__(self):
        super().__init__()
        self.embed, self.weigh, self.head = Tokens(), nn.Softmax(-1), nn.Dense(8, 5)

    def construct(self, x):
        x = self.embed(x)
        weights = self.weigh(ops.matmul(x, x.swapaxes(1, 2))[:, None])
        return self.head(ops.matmul(weights[:, 0], x).mean(axis=1))


class OnlyTokens(nn.Cell):
    """No layer has 4 axes."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Dense(16, 8)
        self.head = nn.Dense(8, 5)

    def construct(self, x):
        return self.head(ops.relu(self.embed(x.reshape(x.shape[0], -1, 16))).mean(axis=1))


def refusal(network, layer):
    with pytest.raises(ValueError, match="GradCAM: the ") as error:
        GradCAM(network, layer)(IMAGES, 1)
    return str(error.value)


def test_the_layers_with_positions_are_named():
    words = refusal(Transformer(), "head")
    assert "must be (N, K, h, w), got 2 axes" in words
    assert "are 'maps' (8, 3, 4), 'embed.conv' (8, 3, 4)." in words


@pytest.mark.slow
def test_the_layers_that_are_named_can_be_explained(mode):
    network = Transformer()
    words = refusal(network, "head")
    assert "are 'maps' (8, 3, 4), 'embed.conv' (8, 3, 4)." in words
    for name in re.findall(r"'([\w.]+)' \(\d", words):
        assert GradCAM(network, name)(IMAGES, 1).asnumpy().any()


def test_a_layer_with_other_rows_names_them_too():
    words = refusal(Transformer(), "views")
    assert "one row per image, N = 2. Choose" in words
    assert "are 'maps' (8, 3, 4), 'embed.conv' (8, 3, 4)." in words


def test_attention_which_has_no_positions_comes_last():
    words = refusal(Attends(), "head")
    assert "are 'embed.conv' (8, 3, 4), 'weigh' (1, 12, 12)." in words


def test_where_there_is_none_it_is_said():
    words = refusal(OnlyTokens(), "embed")
    assert "36 tokens fit no grid of square patches in 12 x 16. Say where" in words
    assert "No other layer has such an output and is used once" in words
