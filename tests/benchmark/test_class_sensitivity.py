"""Class sensitivity against its definition."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import ClassSensitivity
from fastxai.explainer import RISE, Gradient
from tests import _networks as networks
from tests.benchmark._cases import IMAGE, SIZE, Planted, linear_network

RNG = np.random.default_rng(4)
FIRST, SECOND = RNG.normal(size=(2, *SIZE))


def labels():
    """The most and the least likely class of the image for the linear network."""
    _, weight = linear_network()
    scores = (weight * IMAGE).sum(axis=(1, 2, 3))
    return int(scores.argmax()), int(scores.argmin())


def result_of(likely, unlikely):
    """The metric for two planted maps."""
    network, _ = linear_network()
    maps = np.zeros((4, 1, *SIZE))
    maps[labels()[0]], maps[labels()[1]] = likely, unlikely
    explainer = Planted(network, lambda images, targets: maps[targets])
    return ClassSensitivity().evaluate(explainer, ms.Tensor(IMAGE))


def test_equals_the_formula():
    result = result_of(FIRST, SECOND)
    assert result.shape == (1,)
    assert result.dtype == np.float64
    expected = (1 - np.corrcoef(FIRST.ravel(), SECOND.ravel())[0, 1]) / 2
    np.testing.assert_allclose(result, [expected], atol=1e-6)


def test_equal_maps_give_0_and_opposite_ones_1():
    np.testing.assert_allclose(result_of(FIRST, 3 * FIRST + 1), [0.0], atol=1e-6)
    np.testing.assert_allclose(result_of(FIRST, 2 - FIRST), [1.0], atol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 1.0, 0.1, -3.7])
def test_a_constant_map_is_unrelated_to_any(constant):
    for pair in ((np.full(SIZE, constant), FIRST), (FIRST, np.full(SIZE, constant))):
        assert result_of(*pair) == [0.5]
    assert result_of(np.full(SIZE, constant), np.full(SIZE, constant)) == [0.5]


def test_asks_for_the_most_and_the_least_likely_class_of_one_image_at_once(mode):
    network, _ = linear_network()
    explainer = Planted(network, lambda images, targets: np.stack([FIRST, SECOND])[:, None])
    ClassSensitivity().evaluate(explainer, ms.Tensor(IMAGE))
    assert len(explainer.calls) == 1
    images, targets, _ = explainer.calls[0]
    assert tuple(targets) == labels()
    np.testing.assert_array_equal(images, np.concatenate([IMAGE, IMAGE]))


def test_the_gradient_of_a_linear_network_in_closed_form(mode):
    network, weight = linear_network()
    result = ClassSensitivity().evaluate(Gradient(network), ms.Tensor(IMAGE))
    maps = [np.abs(weight[label]).max(axis=0).ravel() for label in labels()]
    np.testing.assert_allclose(result, [(1 - np.corrcoef(*maps)[0, 1]) / 2], atol=1e-6)


def test_rise_uses_the_same_masks_for_both_classes(mode):
    network = networks.SmallConv()
    rise = RISE(network, nn.Softmax(), num_masks=60)  # a seed drawn at every call
    np.random.seed(5)
    result = ClassSensitivity().evaluate(rise, ms.Tensor(IMAGE))
    scores = network(ms.Tensor(IMAGE)).asnumpy()[0]
    np.random.seed(5)
    pair = rise(ms.Tensor(IMAGE), [[int(scores.argmax()), int(scores.argmin())]]).asnumpy()[0]
    expected = (1 - np.corrcoef(pair[0].ravel(), pair[1].ravel())[0, 1]) / 2
    np.testing.assert_allclose(result, [expected], atol=1e-4)


def test_maps_are_not_displayed_in_a_notebook(monkeypatch):
    network, _ = linear_network()
    explainer = Planted(network, lambda images, targets: np.stack([FIRST, SECOND])[:, None])
    monkeypatch.setattr("fastxai.benchmark.metric.in_notebook", lambda: True)
    ClassSensitivity().evaluate(explainer, ms.Tensor(IMAGE))
    assert explainer.calls[0][2] is False
