"""ReLUs that GuidedBackprop and Deconvolution did not modify, without a word.

Beside an nn.ReLU that was found, one in a global, a class attribute, an object, a closure, under
another name or compiled by `ms.jit` kept its own gradient.
"""

import threading
import warnings

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.explainer import Deconvolution, Gradient, GuidedBackprop
from tests._compare import BACKPROP_RTOL, assert_close
from tests.field import _relus as networks

WAYS = [
    kind
    for kind in vars(networks).values()
    if isinstance(kind, type) and issubclass(kind, networks.Base)
]
LEFT = (networks.OtherActivations, networks.InABranch, networks.Vectorized)
WAYS = [kind for kind in WAYS if kind not in LEFT]
SIX = (networks.Threshold6, networks.SixByFunction)
# Held where a second tree of cells can exchange them: modified in GRAPH_MODE too.
REACHED = [networks.Aliases, networks.OfTheLayer, networks.InPlace]
NAMED = [
    networks.GlobalCell,
    networks.BoundMethod,
    networks.DictOfObjects,
    networks.OfASuperclass,
    networks.Decorated,
    networks.JittedFunction,
    networks.JittedByTrace,
    networks.Threshold6,
]
KINDS = (GuidedBackprop, Deconvolution)


def by_hand(kind, top=np.inf):
    """Map of class 1 by the rules of the papers, at both ReLUs."""
    first, second, last = (weight.astype(np.float64) for weight in networks.WEIGHTS)
    a = networks.IMAGES.reshape(2, -1) @ first.T
    b = np.maximum(a, 0) @ second.T
    gradient = np.tile(last[1], (2, 1))
    for before, weight, limit in ((b, second, top), (a, first, np.inf)):
        gate = (before > 0) & (before < limit) if kind is GuidedBackprop else 1
        gradient = np.maximum(gradient, 0) * gate @ weight
    return np.abs(gradient.reshape(2, 3, 3, 3)).max(axis=1)[:, None]


def explain(explainer):
    """Map of class 1, and what was said of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        saliency = explainer(ms.Tensor(networks.IMAGES), 1).asnumpy()
    return saliency, [str(w.message) for w in said if issubclass(w.category, UserWarning)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_in_pynative_mode_every_relu_is_modified(way, kind):
    saliency, said = explain(kind(way()))
    expected = by_hand(kind, top=networks.TOP if way in SIX else np.inf)
    assert said == []
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


@pytest.fixture
def graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)
    yield
    ms.set_context(mode=ms.PYNATIVE_MODE)


@pytest.mark.parametrize("way", REACHED)
def test_what_is_held_by_cells_is_modified_in_graph_mode_too(way, graph_mode):
    saliency, said = explain(GuidedBackprop(way()))
    expected = by_hand(GuidedBackprop)
    assert said == []
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())


@pytest.mark.parametrize("way", NAMED)
def test_in_graph_mode_the_others_are_named(way, graph_mode):
    saliency, said = explain(GuidedBackprop(way()))
    expected = by_hand(GuidedBackprop, top=networks.TOP if way in SIX else np.inf)
    assert np.abs(saliency - expected).max() > 0.1 * expected.max()
    (words,) = said
    assert "GuidedBackprop: 1 ReLU(s) of `network` cannot be modified in GRAPH_MODE" in words
    assert f"called in {way.__name__} itself" in words


@pytest.mark.parametrize("kind", KINDS)
def test_what_mindspore_compiles_in_pynative_mode_is_counted(kind):
    saliency, said = explain(kind(networks.Vectorized()))
    expected = by_hand(kind)
    assert np.abs(saliency - expected).max() > 0.1 * expected.max()
    (words,) = said
    assert "1 ReLU(s) of `network` cannot be modified inside functions that MindSpore" in words


def test_the_cell_that_calls_it_is_named(graph_mode):
    layers = nn.SequentialCell(nn.ReLU(), networks.Caller())
    _, said = explain(Deconvolution(nn.SequentialCell(networks.Base(), layers)))
    assert "1 ReLU(s)" in said[0]
    assert "called in '1.1' (Caller)." in said[0]


def test_branches_of_a_graph_are_looked_through(graph_mode):
    _, said = explain(GuidedBackprop(networks.InABranch()))
    assert "1 ReLU(s)" in said[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_relu_by_name_keeps_its_gradient(kind, mode):
    explainer = kind(networks.OtherActivations())
    saliency, said = explain(explainer)
    assert said == []
    assert np.abs(saliency - by_hand(kind)).max() > 0.1 * saliency.max()


def test_a_network_without_relu_is_told_when_called(mode):
    explainer = GuidedBackprop(networks.WithoutReLU())
    assert (
        "`network` holds no ReLU that can be modified: it executes none" in explain(explainer)[1][0]
    )
    assert explain(explainer)[1] == []  # said once


def test_the_warning_points_at_the_call(graph_mode):
    explainer = GuidedBackprop(networks.GlobalCell())
    with pytest.warns(UserWarning, match="cannot be modified") as said:
        explainer(ms.Tensor(networks.IMAGES), 1)
    assert said[0].filename == __file__


def test_others_see_plain_relus_meanwhile_and_afterwards():
    x, gradients = ms.Tensor([-1.0, 2.0]), {}

    def gradient(name):
        gradients[name] = ms.grad(lambda x: -ops.relu(x))(x).asnumpy().tolist()

    class Meanwhile(networks.Base):
        def second(self, x):
            thread = threading.Thread(target=gradient, args=("of another thread",))
            thread.start()
            thread.join()
            return ops.relu(x)

    call = ops.ReLU.__call__
    explain(GuidedBackprop(Meanwhile()))
    gradient("afterwards")
    assert gradients == {"of another thread": [0, -1], "afterwards": [0, -1]}
    assert ops.ReLU.__call__ is call


def test_a_plain_gradient_is_not_touched(mode):
    first, second, last = networks.WEIGHTS
    network = networks.GlobalCell()
    explain(GuidedBackprop(network))
    a = networks.IMAGES.reshape(2, -1) @ first.T
    b = np.maximum(a, 0) @ second.T
    expected = np.abs((((last[1] * (b > 0)) @ second) * (a > 0)) @ first)
    expected = expected.reshape(2, 3, 3, 3).max(axis=1)[:, None]
    saliency = Gradient(network)(ms.Tensor(networks.IMAGES), 1).asnumpy()
    assert_close(saliency, expected, atol=BACKPROP_RTOL, scale=expected.max())
