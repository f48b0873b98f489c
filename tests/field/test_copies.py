"""Explainers that could not be copied once they were used, nor told what their settings are."""

import copy
import pickle

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from fastxai.explainer import RISE, GradCAM, Gradient, GuidedBackprop, Occlusion
from tests import _networks as networks
from tests.explainer.test_contract import MAKERS, PERTURBATION

IMAGES = ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, 12, 15)).astype(np.float32))


class Picklable(nn.Cell):
    """One Parameter and functions: no primitive, which MindSpore cannot pickle."""

    def __init__(self, weight=None):
        super().__init__()
        if weight is None:
            weight = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
        self.weight = ms.Parameter(ms.Tensor(weight), name="weight")

    def construct(self, x):
        return ops.matmul(ops.relu(x).mean(axis=(2, 3)), self.weight)


class Activation(nn.Cell):
    """A softmax without a primitive."""

    def construct(self, x):
        return ops.softmax(x, axis=1)


def weights(network):
    return list(network.get_parameters())


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer:
    def test_a_deep_copy_of_a_used_one_gives_the_same_map(self, make, mode):
        explainer = make(networks.SmallConv())
        expected = explainer(IMAGES, [1, 2]).asnumpy()
        twin = copy.deepcopy(explainer)
        assert type(twin) is type(explainer)
        assert twin.network is not explainer.network
        np.testing.assert_array_equal(twin(IMAGES, [1, 2]).asnumpy(), expected)

    def test_a_deep_copy_is_independent(self, make):
        explainer = make(networks.SmallConv())
        expected = explainer(IMAGES, 1).asnumpy()
        twin = copy.deepcopy(explainer)
        for parameter in weights(explainer.network):
            parameter.set_data(parameter.value() * 0 + 0.1)
        np.testing.assert_array_equal(twin(IMAGES, 1).asnumpy(), expected)
        assert np.abs(explainer(IMAGES, 1).asnumpy() - expected).max() > 1e-3 * expected.max()

    def test_a_shallow_copy_shares_the_network(self, make):
        explainer = make(networks.SmallConv())
        expected = explainer(IMAGES, 1).asnumpy()
        twin = copy.copy(explainer)
        assert twin.network is explainer.network
        np.testing.assert_array_equal(twin(IMAGES, 1).asnumpy(), expected)

    def test_a_pickle_of_mindspores_layers_is_refused_in_words(self, make):
        explainer = make(networks.SmallConv())
        name = type(explainer).__name__
        with pytest.raises(TypeError, match=f"{name}: an explainer can be pickled where.*deepcopy"):
            pickle.dumps(explainer)

    def test_shows_its_settings(self, make):
        explainer = make(networks.SmallConv())
        words = repr(explainer)
        assert words.startswith(f"{type(explainer).__name__}(network=SmallConv(...)")
        assert " at 0x" not in words
        if make in PERTURBATION.values():
            assert "activation_fn=Softmax(...), perturbation_per_eval=16" in words
            assert "engine=None, precision=None" in words


def test_what_can_be_pickled_gives_the_same_map():
    for explainer in (
        Gradient(Picklable()),
        GuidedBackprop(Picklable()),
        GradCAM(Picklable(), ""),
        RISE(Picklable(), Activation(), num_masks=8, seed=0),
        Occlusion(Picklable(), Activation(), window=4),
    ):
        expected = explainer(IMAGES, 1).asnumpy()
        twin = pickle.loads(pickle.dumps(explainer))
        assert repr(twin) == repr(explainer)
        np.testing.assert_array_equal(twin(IMAGES, 1).asnumpy(), expected)


def test_a_network_and_its_explainer_are_copied_together():
    network = networks.SmallConv()
    both = {"network": network, "explainer": GradCAM(network, network.conv)}
    both["explainer"](IMAGES, 1)
    twins = copy.deepcopy(both)
    assert twins["explainer"].network is twins["network"]
    assert twins["explainer"]._layer is twins["network"].conv


def test_every_setting_is_shown():
    network = networks.SmallConv()
    assert repr(RISE(network, nn.Softmax(), num_masks=8, seed=3)) == (
        "RISE(network=SmallConv(...), activation_fn=Softmax(...), perturbation_per_eval=32, "
        "num_masks=8, tol=0.95, max_masks=6000, mask_probability=0.5, grid_size=(10, 10), "
        "base_value=0.0, seed=3, estimator='centred', design=None, engine=None, precision=None)"
    )
    assert repr(GradCAM(network, "conv")) == "GradCAM(network=SmallConv(...), layer='conv')"
    assert repr(GuidedBackprop(network)) == "GuidedBackprop(network=SmallConv(...))"


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (Localization(3), "Localization(num_labels=3, metric='PointingGame')"),
        (Robustness(3, nn.Softmax()), "Robustness(num_labels=3, activation_fn=Softmax(...), "),
        (ClassSensitivity(), "ClassSensitivity()"),
        (Faithfulness(3, nn.Softmax()), "Faithfulness(num_labels=3, activation_fn=Softmax(...), "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_metrics_show_theirs_too(metric, words):
    assert repr(metric).startswith(words)


def test_explainers_over_pytorch_show_theirs_and_are_pickled():
    torch = pytest.importorskip("torch")
    from fastxai import torch as over_torch

    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 12 * 15, 4))
    explainer = over_torch.RISE(network, torch.nn.Softmax(dim=1), num_masks=8, seed=3)
    assert repr(explainer).startswith("RISE(network=Sequential(...), activation_fn=Softmax(...), ")
    assert "mask_probability=0.5, grid_size=(10, 10)" in repr(explainer)
    images = torch.from_numpy(IMAGES.asnumpy())
    expected = explainer(images, 1)
    for twin in (copy.deepcopy(explainer), pickle.loads(pickle.dumps(explainer))):
        np.testing.assert_array_equal(twin(images, 1), expected)
