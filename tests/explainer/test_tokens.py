"""GradCAM of token layers against NumPy: a class token, grids, windows, lists of Tensors."""

import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import GradCAM
from tests._compare import BACKPROP_RTOL, assert_close
from tests.explainer import _backprop as by_hand


@pytest.fixture
def graph_mode():
    """GRAPH_MODE, which compiles for seconds: a few tests of the kind are enough."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    yield
    ms.set_context(mode=before)


SIZE, PATCH, CHANNELS, CLASSES = (8, 12), 2, 5, 3
GRID = (4, 6)  # SIZE in patches
IMAGES = np.random.default_rng(0).normal(size=(2, 3, *SIZE)).astype(np.float32)
TARGETS = [2, 0]


class TokenNet(nn.Cell):
    """Patches x E = tokens A; the score of a class t is sum_l tanh(A)_l . w_lt.

    Args:
        prefix: Tokens before those of the patches.
        form: How `tokens` hands A on: 'tokens' (N, L, C), 'grid' (N, h, w, C), 'windows' of 2 x 2,
            (8 N / ..., 4, C), 'list' [0, A], 'nested' {'a': (A, 0)}.
    """

    def __init__(self, prefix=0, form="tokens"):
        super().__init__()
        draw = np.random.default_rng(1)
        self.prefix, self.form = prefix, form
        self.embed = ms.Parameter(draw.normal(size=(12, CHANNELS)).astype(np.float32) / 3)
        self.first = ms.Parameter(draw.normal(size=(1, prefix or 1, CHANNELS)).astype(np.float32))
        shape = (prefix + GRID[0] * GRID[1], CHANNELS, CLASSES)
        self.weights = ms.Parameter(draw.normal(size=shape).astype(np.float32))
        self.tokens = Handing(form)

    def construct(self, x):
        n = x.shape[0]
        x = x.reshape(n, 3, GRID[0], PATCH, GRID[1], PATCH).transpose(0, 2, 4, 1, 3, 5)
        x = ops.matmul(x.reshape(n, GRID[0] * GRID[1], 12), self.embed)
        if self.prefix:
            x = ops.cat([self.first.tile((n, 1, 1)), x], axis=1)
        x = self.tokens(x)
        if self.form == "list":
            x = x[1]
        if self.form == "nested":
            x = x["a"][0]
        if self.form == "windows":
            x = x.reshape(n, 2, 3, 2, 2, CHANNELS).transpose(0, 1, 3, 2, 4, 5)
        x = x.reshape(n, -1, CHANNELS)
        return (ops.tanh(x)[..., None] * self.weights).sum(axis=(1, 2))


class Handing(nn.Cell):
    """Tokens in a form."""

    def __init__(self, form):
        super().__init__()
        self.form = form

    def construct(self, x):
        n = x.shape[0]
        if self.form == "grid":
            return x.reshape(n, GRID[0], GRID[1], CHANNELS)
        if self.form == "windows":
            x = x.reshape(n, 2, 2, 3, 2, CHANNELS).transpose(0, 1, 3, 2, 4, 5)
            return x.reshape(6 * n, 4, CHANNELS)
        if self.form == "list":
            return [x * 0, x * 1]
        if self.form == "nested":
            return {"a": (x * 1, x * 0), "b": x * 0}
        return x * 1


def expected(network):
    """relu(sum_k mean_ij(G) A) of the patches' tokens, resized."""
    x = IMAGES.reshape(2, 3, GRID[0], PATCH, GRID[1], PATCH).transpose(0, 2, 4, 1, 3, 5)
    tokens = x.reshape(2, 24, 12).astype(np.float64) @ network.embed.asnumpy()
    weights = network.weights.asnumpy()[network.prefix :, :, TARGETS].transpose(2, 0, 1)
    gradients = (1 - np.tanh(tokens) ** 2) * weights

    def arranged(values):
        return values.reshape(2, *GRID, CHANNELS).transpose(0, 3, 1, 2)

    return by_hand.class_activation_map(arranged(tokens), arranged(gradients), SIZE)[:, None]


def plain_id(value):
    """Without addresses, which two processes of one run would not share."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def unwindowed(output):
    """Windows of 2 x 2 to (N, C, h, w)."""
    n = output.shape[0] // 6
    x = output.reshape(n, 2, 3, 2, 2, CHANNELS).transpose(0, 5, 1, 3, 2, 4)
    return x.reshape(n, CHANNELS, *GRID)


@pytest.mark.parametrize(
    ("prefix", "form", "arguments"),
    [
        (0, "tokens", {}),
        (1, "tokens", {}),
        (2, "tokens", {"reshape_transform": "auto"}),
        (7, "tokens", {"reshape_transform": GRID}),
        (0, "grid", {"reshape_transform": "auto"}),
        (0, "grid", {"reshape_transform": GRID}),
        (0, "windows", {"reshape_transform": unwindowed}),
        (1, "list", {"layer_output": 1}),
        (1, "list", {"layer_output": -1}),
        (1, "nested", {"layer_output": ("a", 0)}),
    ],
    ids=plain_id,
)
def test_equals_the_paper_by_hand(prefix, form, arguments):
    network = TokenNet(prefix, form)
    values = expected(network)
    gradcam = GradCAM(network, "tokens", **arguments)
    for _ in range(2):  # found, and known
        saliency = gradcam(ms.Tensor(IMAGES), TARGETS).asnumpy()
        assert_close(saliency, values, atol=BACKPROP_RTOL, scale=values.max())


@pytest.mark.parametrize(
    ("prefix", "form", "arguments"),
    [(1, "list", {"layer_output": -1}), (0, "nested", {"layer_output": ("a", 0)})],
    ids=plain_id,
)
def test_equals_it_in_graphs_too(prefix, form, arguments, graph_mode):
    network = TokenNet(prefix, form)
    saliency = GradCAM(network, "tokens", **arguments)(ms.Tensor(IMAGES), TARGETS).asnumpy()
    assert_close(saliency, expected(network), atol=BACKPROP_RTOL, scale=saliency.max())


def test_a_callable_runs_outside_of_graphs(graph_mode):
    seen = []

    def arrange(output):
        seen.append(output.asnumpy())  # no graph can do this
        return seen[-1][:, 1:].reshape(2, *GRID, CHANNELS).transpose(0, 3, 1, 2)

    network = TokenNet(1)
    saliency = GradCAM(network, "tokens", reshape_transform=arrange)(ms.Tensor(IMAGES), TARGETS)
    values = expected(network)
    assert_close(saliency.asnumpy(), values, atol=BACKPROP_RTOL, scale=values.max())


@pytest.mark.parametrize(
    ("prefix", "form", "arguments", "words"),
    [
        (7, "tokens", {}, "31 tokens fit no grid .* `reshape_transform`"),
        (0, "tokens", {"reshape_transform": (5, 6)}, "24 tokens are fewer than 5 x 6"),
        (0, "grid", {"reshape_transform": (6, 4)}, r"is not \(N, 6, 4, C\)"),
        (0, "windows", {}, "got 3 axes|one row per image"),
        (0, "tokens", {"reshape_transform": lambda x: x}, r"must return \(N, C, h, w\)"),
        (0, "windows", {"reshape_transform": lambda x: x[..., None]}, "one row per image, N = 2"),
        (1, "list", {}, "of several, choose with `layer_output`"),
    ],
    ids=plain_id,
)
def test_refuses_when_called(prefix, form, arguments, words):
    gradcam = GradCAM(TokenNet(prefix, form), "tokens", **arguments)
    with pytest.raises(ValueError, match=words):
        gradcam(ms.Tensor(IMAGES), TARGETS)


def test_a_layer_after_which_only_the_class_token_counts_is_refused():
    network = TokenNet(1)
    weights = network.weights.asnumpy()
    weights[1:] = 0
    network.weights.set_data(ms.Tensor(weights))
    with pytest.raises(ValueError, match="class token alone"):
        GradCAM(network, "tokens")(ms.Tensor(IMAGES), TARGETS)


@pytest.mark.parametrize(
    ("transform", "error", "words"),
    [
        ("14x14", ValueError, "must be 'auto', got '14x14'"),
        ((4,), ValueError, r"must be \(h, w\)"),
        ((4, 0), ValueError, r"must be \(h, w\)"),
        (14, TypeError, r"None, 'auto', \(h, w\) or a callable, got int"),
    ],
    ids=plain_id,
)
def test_constructor_refuses(transform, error, words):
    with pytest.raises(error, match=words):
        GradCAM(TokenNet(), "tokens", reshape_transform=transform)
