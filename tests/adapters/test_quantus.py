"""Quantus' metrics of fastxai's maps."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make adapters-test")

from torch import nn  # noqa: E402

from fastxai import models  # noqa: E402
from fastxai import torch as explainers  # noqa: E402
from fastxai.adapters.quantus import as_module, explain  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

SETTINGS = {"num_masks": 256, "seed": 5, "activation_fn": "softmax"}
IMAGES = networks.pictures(2)
TARGETS = np.array([3, 0])


def logits(batch):
    """Scores of `networks.linear` by NumPy."""
    weight, bias = networks.linear_weights()
    return batch.reshape(len(batch), -1) @ weight.T + bias


@pytest.fixture
def quantus():
    return pytest.importorskip("quantus", reason="Quantus is not installed: make adapters-test")


def test_a_module_has_the_maps_of_fastxai_torch():
    network = networks.linear()
    found = explain(network, IMAGES, TARGETS, device="cpu", **SETTINGS)
    expected = explainers.RISE(network, "softmax", num_masks=256, seed=5)(
        torch.from_numpy(IMAGES), TARGETS
    )
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, expected)


def test_a_function_has_the_maps_of_fastxai_models_as_itself_and_as_a_module():
    expected = models.Occlusion(logits, "softmax", window=7)(IMAGES, TARGETS)
    asked = {"method": "Occlusion", "window": 7, "activation_fn": "softmax"}
    for network in (logits, as_module(logits)):
        found = explain(network, torch.from_numpy(IMAGES), TARGETS, **asked)
        np.testing.assert_array_equal(found, expected)


def test_a_cell_of_mindspore_has_the_maps_of_fastxai_explainer():
    ms = pytest.importorskip("mindspore", reason="MindSpore is not installed")
    from fastxai.explainer import RISE
    from tests._networks import SmallConv

    cell = SmallConv().set_train(True)
    expected = RISE(cell, "softmax", num_masks=256, seed=5)(ms.Tensor(IMAGES), TARGETS.tolist())
    found = explain(as_module(cell), IMAGES, TARGETS, **SETTINGS)
    np.testing.assert_allclose(found, expected.asnumpy(), atol=1e-6)
    scores = as_module(cell)(torch.from_numpy(IMAGES))
    cell.set_train(False)
    np.testing.assert_allclose(scores, cell(ms.Tensor(IMAGES)).asnumpy(), atol=1e-5)


def test_a_module_of_a_function_has_its_scores():
    expected = networks.linear()(torch.from_numpy(IMAGES))
    np.testing.assert_allclose(
        as_module(logits)(torch.from_numpy(IMAGES)), expected.detach(), atol=1e-5
    )


def test_wrong_arguments_are_errors_in_words():
    with pytest.raises(ValueError, match="explain: `method` must be one of"):
        explain(logits, IMAGES, TARGETS, method="GradCAM")
    with pytest.raises(TypeError, match="as_module: `network` must be a model"):
        as_module(3)


def flipped(image, order, pixels):
    """Scores of an image while its pixels are blacked out in an order, some at a time."""
    image, scores = image.copy(), []
    for first in range(0, len(order), pixels):
        rows, columns = np.unravel_index(order[first : first + pixels], image.shape[1:])
        image[:, rows, columns] = 0
        scores.append(logits(image[None])[0])
    return np.array(scores)


@pytest.mark.parametrize("network", [networks.linear(), as_module(logits)], ids=["module", "fun"])
def test_pixel_flipping_is_what_numpy_makes_of_the_map(quantus, network):
    metric = quantus.PixelFlipping(
        features_in_step=28, perturb_baseline=0.0, abs=False, normalise=False,
        disable_warnings=True, display_progressbar=False,
    )  # fmt: skip
    asked = {"method": "Occlusion", "window": (4, 7), "activation_fn": "softmax"}
    found = metric(
        model=network.eval(), x_batch=IMAGES, y_batch=TARGETS, a_batch=None,
        explain_func=explain, explain_func_kwargs=asked, softmax=False, device="cpu",
    )  # fmt: skip
    maps = models.Occlusion(logits, "softmax", window=(4, 7))(IMAGES, TARGETS)
    for curve, image, target, saliency in zip(found, IMAGES, TARGETS, maps, strict=True):
        # A window of 28 pixels in 3 channels has one value: it is covered after three steps.
        order = np.argsort(-saliency[0].ravel(), kind="stable")
        np.testing.assert_allclose(curve[2::3], flipped(image, order, 28)[:, target], atol=1e-4)


def test_metrics_that_explain_again_get_the_same_maps(quantus):
    """Random Logit compares the map of a class with that of another one, here its twin."""
    metric = quantus.RandomLogit(
        num_classes=2, similarity_func=quantus.similarity_func.difference,
        disable_warnings=True, display_progressbar=False, abs=False, normalise=False, seed=0,
    )  # fmt: skip

    def twins(batch):
        return logits(batch)[:, [3, 3]]  # the same class twice

    found = metric(
        model=as_module(twins), x_batch=IMAGES, y_batch=np.array([0, 1]), a_batch=None,
        explain_func=explain, explain_func_kwargs={"num_masks": 256, "seed": 5}, device="cpu",
    )  # fmt: skip
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_a_softmax_is_added_to_a_module_of_a_function(quantus):
    from quantus.helpers.model.pytorch_model import PyTorchModel

    wrapped = PyTorchModel(as_module(logits), softmax=True, device="cpu")
    expected = nn.Softmax(dim=1)(networks.linear()(torch.from_numpy(IMAGES)))
    np.testing.assert_allclose(wrapped.predict(IMAGES), expected.detach(), atol=1e-5)
