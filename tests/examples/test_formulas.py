"""All seven explainers on a trained network, in both modes, against formulas in float64 NumPy."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import reference
from fastxai.demo import CHECKPOINT, normalize
from fastxai.explainer import (
    RISE,
    Deconvolution,
    GradCAM,
    Gradient,
    GuidedBackprop,
    Occlusion,
    RISEPlus,
)
from fastxai.tool.cv import OoDNet
from tests._compare import BACKPROP_RTOL, NETWORK_ATOL, assert_close
from tests.cli.demo_networks import DemoWithFeatures
from tests.examples._numpy_demo_net import NumpyDemoNet
from tests.examples.test_demo import canvas
from tests.explainer._backprop import (
    class_activation_map,
    gate_deconvolution,
    gate_gradient,
    gate_guided,
)

MASKS = 60
SEED = 4


@pytest.fixture(scope="module")
def network():
    """The trained one, with what OoDNet asks for."""
    network = DemoWithFeatures()
    assert ms.load_param_into_net(network, ms.load_checkpoint(str(CHECKPOINT))) == ([], [])
    return network


@pytest.fixture(scope="module")
def by_hand(network):
    return NumpyDemoNet(network)


@pytest.fixture(scope="module")
def pictures():
    """Two pictures of two digits each."""
    rng, glyphs = np.random.default_rng(7), canvas.load_glyphs("test")
    return [canvas.make_picture(rng, glyphs, "pair") for _ in range(2)]


@pytest.fixture(scope="module")
def images(pictures):
    return np.stack([normalize(picture.image) for picture in pictures])


@pytest.fixture(scope="module")
def targets(pictures):
    """Both digits of each picture."""
    return [list(picture.labels) for picture in pictures]


@pytest.fixture(scope="module")
def masks():
    cells, shifts = reference.mask_grid(SEED, 0, MASKS, (10, 10), 2**31, (11, 11))
    return reference.mask_upsample(cells, shifts, (96, 96), (106, 106))[:, 0]


def test_the_network_by_hand_is_the_network(network, by_hand, images):
    network.set_train(False)
    scores = nn.Softmax()(network(ms.Tensor(images))).asnumpy()
    assert_close(scores, by_hand.probabilities(images), atol=NETWORK_ATOL)


@pytest.mark.parametrize(
    ("explainer", "gate"),
    [
        (Gradient, gate_gradient),
        (GuidedBackprop, gate_guided),
        (Deconvolution, gate_deconvolution),
    ],
)
def test_gradient_explainers(mode, network, by_hand, images, targets, explainer, gate):
    maps = explainer(network)(ms.Tensor(images), targets).asnumpy()
    for column in range(2):
        labels = [row[column] for row in targets]
        expected = np.abs(by_hand.gradients(images, labels, gate)[0]).max(axis=1)
        assert_close(maps[:, column], expected, atol=BACKPROP_RTOL, scale=expected.max())


def test_grad_cam(mode, network, by_hand, images, targets):
    maps = GradCAM(network, layer="features")(ms.Tensor(images), targets).asnumpy()
    for column in range(2):
        _, gradient, features = by_hand.gradients(images, [row[column] for row in targets])
        expected = class_activation_map(features, gradient, (96, 96))
        assert_close(maps[:, column], expected, atol=BACKPROP_RTOL, scale=expected.max())


def test_occlusion(mode, network, by_hand, images, targets):
    explainer = Occlusion(network, nn.Softmax(), window=24, strides=12, base_value=0.5)
    maps = explainer(ms.Tensor(images), targets).asnumpy()
    for image, labels, saliency in zip(images, targets, maps, strict=True):
        corners = [(top, left) for top in range(0, 73, 12) for left in range(0, 73, 12)]
        covered = np.repeat(image[None], len(corners), axis=0)
        places = [np.s_[top : top + 24, left : left + 24] for top, left in corners]
        for copy, place in zip(covered, places, strict=True):
            copy[:, place[0], place[1]] = 0.5
        drops = by_hand.probabilities(image[None]) - by_hand.probabilities(covered)
        total, number = np.zeros((2, 96, 96)), np.ones((96, 96))
        for drop, place in zip(drops[:, labels], places, strict=True):
            total[:, place[0], place[1]] += drop[:, None, None]
            number[place] += 1
        assert_close(saliency, np.abs(total / number), atol=NETWORK_ATOL)


@pytest.mark.parametrize("estimator", ["plain", "centred"])
def test_rise(mode, network, by_hand, images, targets, masks, estimator):
    explainer = RISE(network, nn.Softmax(), num_masks=MASKS, seed=SEED, estimator=estimator)
    maps = explainer(ms.Tensor(images), targets).asnumpy()
    for image, labels, saliency in zip(images, targets, maps, strict=True):
        scores = by_hand.probabilities(image * masks[:, None])[:, labels]
        assert_close(saliency, rise_map(scores, masks, estimator), atol=NETWORK_ATOL)


def test_rise_plus(mode, network, by_hand, images, targets, masks):
    """With an OoDNet that knows ten pictures."""
    rng, glyphs = np.random.default_rng(8), canvas.load_glyphs("test")
    known = [canvas.make_picture(rng, glyphs, "single") for _ in range(10)]
    known = np.stack([normalize(picture.image) for picture in known])
    rows = by_hand.features(known).mean(axis=(2, 3)).astype(np.float32)
    ood_net = OoDNet(network, 10)
    ood_net._h.weight.set_data(ms.Tensor(rows))
    explainer = RISEPlus(
        ood_net, network, nn.Softmax(), num_masks=MASKS, seed=SEED, estimator="plain"
    )
    maps = explainer(ms.Tensor(images), targets).asnumpy()

    def inlier(x):
        pooled = by_hand.features(x).mean(axis=(2, 3))
        units = [v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-4) for v in (pooled, rows)]
        return (units[0] @ units[1].T.astype(np.float64)).max(axis=1)

    for image, labels, saliency in zip(images, targets, maps, strict=True):
        low, high = inlier(np.stack([0 * image, image]))
        copies = image * masks[:, None]
        weights = (np.clip(inlier(copies), low, high) - low) / (high - low + 2.2e-16)
        assert weights.min() < 0.9  # else this would be RISE
        scores = by_hand.probabilities(copies)[:, labels] * weights[:, None]
        assert_close(saliency, rise_map(scores, masks, "plain"), atol=NETWORK_ATOL)


def rise_map(scores, masks, estimator):
    """(L, H, W) from scores (M, L): equation 6 of Petsiuk et al. times p, or centred."""
    if estimator == "plain":
        return np.einsum("mt,myx->tyx", scores, masks) / len(masks)
    mean = scores.mean(axis=0)
    covariance = np.einsum("mt,myx->tyx", scores - mean, masks) / (len(masks) - 1)
    return 0.5 * mean[:, None, None] + covariance
