"""The numbers of mindspore_xai 1.8.1, where its formulas are kept.

Made once with mindspore_xai 1.8.1 on MindSpore 2.10 (CPU, PYNATIVE_MODE) from the same networks,
images and maps as below; DeletionAUC is 1.5 minus its result, see `Faithfulness`.
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from fastxai.explainer import Gradient, Occlusion
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close

_RNG = np.random.default_rng(7)
IMAGES = _RNG.normal(size=(4, 1, 3, 18, 18)).astype(np.float32)
MAPS = _RNG.normal(size=(4, 1, 1, 18, 18)).astype(np.float32)
MASKS = _RNG.random((4, 1, 1, 18, 18)) < 0.2

FAITHFULNESS = {
    "NaiveFaithfulness": [0.717768277153, 0.665261857296, 0.681582148060, 0.589526659138],
    "DeletionAUC": [0.513291381299, 0.487229098876, 0.524975255132, 0.493513661126],
    "InsertionAUC": [0.529351691405, 0.477846331067, 0.541564772526, 0.471071220107],
}
IOSR = [0.257142857143, 0.172413793103, 0.125, 0.192307692308]
GRADIENT_SENSITIVITY = [0.364058934596, 0.365071365104, 0.335179567568, 0.314053407715]
OCCLUSION_SENSITIVITY = [0.531701925681, 0.459676141333, 0.483749547099, 0.668398431417]
ROBUSTNESS = [0.82662475, 0.8164601, 0.8059319, 0.8486402]


@pytest.mark.parametrize("metric", FAITHFULNESS)
def test_faithfulness(metric, mode):
    explainer = Gradient(networks.SmallConv())
    faithfulness = Faithfulness(5, nn.Softmax(), metric)
    results = [
        faithfulness.evaluate(explainer, ms.Tensor(image), target, ms.Tensor(saliency))[0]
        for target, (image, saliency) in enumerate(zip(IMAGES, MAPS, strict=True))
    ]
    assert_close(results, FAITHFULNESS[metric], atol=NETWORK_ATOL)


def test_iosr():
    explainer = Gradient(networks.SmallConv())
    localization = Localization(5, "IoSR")
    results = [
        localization.evaluate(explainer, ms.Tensor(image), 0, ms.Tensor(saliency), mask)[0]
        for image, saliency, mask in zip(IMAGES, MAPS, MASKS, strict=True)
    ]
    assert_close(results, IOSR, atol=1e-11)


def test_class_sensitivity(mode):
    network = networks.SmallConv()
    cases = [
        # Differences of scores around 0.2, taken in float32, then a correlation of those.
        (Gradient(network), GRADIENT_SENSITIVITY, NETWORK_ATOL),
        (Occlusion(network, nn.Softmax()), OCCLUSION_SENSITIVITY, 1e-5),
    ]
    for explainer, expected, atol in cases:
        results = [ClassSensitivity().evaluate(explainer, ms.Tensor(image))[0] for image in IMAGES]
        assert_close(results, expected, atol=atol)


def test_robustness(mode):
    network = networks.SmallConv()
    # A last layer so small that no noise moves the output by 0.1: every perturbation counts.
    network.dense.weight.set_data(network.dense.weight * 0.01)
    robustness = Robustness(5, nn.Identity())
    results = []
    for target, image in enumerate(IMAGES):
        np.random.seed(3)
        results.append(robustness.evaluate(Gradient(network), ms.Tensor(image), target)[0])
    assert_close(results, ROBUSTNESS, atol=NETWORK_ATOL)
