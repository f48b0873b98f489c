"""Robustness against its definition."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import Robustness
from fastxai.explainer import Gradient
from tests import _networks as networks
from tests._compare import assert_close
from tests.benchmark._cases import IMAGE, MAP, SIZE, Planted, linear_network


def flat_network():
    """A network that every perturbation looks the same to."""
    network, weight = linear_network()
    network.weight.set_data(ms.Tensor(weight * 1e-4))
    return network


def channel_mean(images, targets):
    """A map that moves with the image."""
    return images.mean(axis=1, keepdims=True)


def noise(seed):
    """The ten perturbations of np.random.seed(seed), one draw after another."""
    source = np.random.RandomState(seed)
    return [source.uniform(-0.2, 0.2, IMAGE.shape) for _ in range(10)]


def by_hand(images):
    """exp(-q) of `channel_mean` over perturbed images."""
    truth = IMAGE.mean(axis=1).astype(np.float64)
    changes = [
        np.sqrt(((image.astype(np.float32).mean(axis=1) - truth) ** 2).sum() / (truth**2).sum())
        for image in images
    ]
    return np.exp(-max(changes))


def test_equals_the_formula_and_draws_ten_perturbations_once(mode):
    explainer = Planted(flat_network(), channel_mean)
    np.random.seed(11)
    result = Robustness(4, nn.Softmax()).evaluate(explainer, ms.Tensor(IMAGE), 1)
    after = np.random.random()
    assert result.dtype == np.float32
    assert result.shape == (1,)
    drawn = noise(11)
    assert_close(result, [by_hand([IMAGE + u for u in drawn])], atol=1e-6)
    assert len(explainer.calls) == 11
    for (images, _, _), u in zip(explainer.calls[1:], drawn, strict=True):
        np.testing.assert_array_equal(images, (IMAGE + u).astype(np.float32))
    np.random.seed(11)
    np.random.uniform(size=(10, *IMAGE.shape))
    assert after == np.random.random(), "ten draws of the global generator, no more"


def test_a_seed_repeats_and_leaves_the_global_generator_alone():
    explainer = Planted(flat_network(), channel_mean)
    robustness = Robustness(4, nn.Softmax(), seed=11)
    np.random.seed(0)
    results = [robustness.evaluate(explainer, ms.Tensor(IMAGE), 1) for _ in range(2)]
    after = np.random.random()
    np.random.seed(0)
    assert after == np.random.random()
    assert results[0] == results[1]
    assert_close(results[0], [by_hand([IMAGE + u for u in noise(11)])], atol=1e-6)


def distances_by_hand(network):
    """How far each perturbation of seed 11 moves the scores."""
    scores = network(ms.Tensor(IMAGE)).asnumpy()
    moved = [network(ms.Tensor((IMAGE + u).astype(np.float32))).asnumpy() for u in noise(11)]
    return np.linalg.norm(np.concatenate(moved) - scores, axis=1)


def test_only_perturbations_that_look_the_same_to_the_network_count():
    network, weight = linear_network()
    network.weight.set_data(ms.Tensor(weight * 0.018))
    distances = distances_by_hand(network)
    same = distances <= 0.1
    assert 1 < same.sum() < 9, "the case must be a mixed one"
    explainer = Planted(network, channel_mean)
    result = Robustness(4, nn.Identity(), seed=11).evaluate(explainer, ms.Tensor(IMAGE), 1)
    assert len(explainer.calls) == 1 + same.sum()
    kept = [IMAGE + u for u, keep in zip(noise(11), same, strict=True) if keep]
    assert_close(result, [by_hand(kept)], atol=1e-6)


def test_the_closest_perturbation_counts_where_none_looks_the_same():
    network, weight = linear_network()
    network.weight.set_data(ms.Tensor(weight * 2.0))
    explainer = Planted(network, lambda images, targets: images[:, :1] + 1.0)
    result = Robustness(4, nn.Identity(), seed=11).evaluate(explainer, ms.Tensor(IMAGE * 0), 1)
    assert len(explainer.calls) == 2
    closest = min(noise(11), key=lambda u: np.linalg.norm((weight * 2.0 * u).sum(axis=(1, 2, 3))))
    change = np.linalg.norm(closest[:, 0]) / np.sqrt(SIZE[0] * SIZE[1])
    assert_close(result, [np.exp(-change)], atol=1e-6)


def test_a_map_that_never_moves_is_robust():
    explainer = Planted(flat_network(), lambda images, targets: MAP)
    assert Robustness(4, nn.Softmax()).evaluate(explainer, ms.Tensor(IMAGE), 1) == [1.0]


def test_a_given_map_spares_one_call():
    explainer = Planted(flat_network(), lambda images, targets: MAP)
    robustness = Robustness(4, nn.Softmax())
    result = robustness.evaluate(explainer, ms.Tensor(IMAGE), 1, ms.Tensor(MAP * 2))
    assert len(explainer.calls) == 10
    assert_close(result, [np.exp(-0.5)], atol=1e-6)


def test_the_gradient_of_a_linear_network_never_moves(mode):
    explainer = Gradient(flat_network())
    assert Robustness(4, nn.Softmax()).evaluate(explainer, ms.Tensor(IMAGE), 1) == [1.0]


@pytest.mark.parametrize(
    ("arguments", "kwargs", "error", "words"),
    [
        ((5, 3), {}, TypeError, "`activation_fn` must be None, one of .*, got int"),
        ((5.0, nn.Softmax()), {}, TypeError, "`num_labels` must be an int, got float"),
        ((5, nn.Softmax()), {"seed": -1}, ValueError, "`seed` must be in"),
        ((5, nn.Softmax()), {"seed": 2**32}, ValueError, "`seed` must be in"),
        ((5, nn.Softmax()), {"seed": 1.0}, TypeError, "`seed` must be an int, got float"),
    ],
)
def test_constructor_refuses(arguments, kwargs, error, words):
    with pytest.raises(error, match=words):
        Robustness(*arguments, **kwargs)


def test_a_network_that_returns_nan_is_refused():
    image = ms.Tensor(np.full((1, 3, *SIZE), 0.1, np.float32))  # log of a negative number
    explainer = Planted(networks.LogScale(), channel_mean)
    with pytest.raises(ValueError, match="Robustness: the network returned scores that are not"):
        Robustness(3, nn.Softmax()).evaluate(explainer, image, 1)
