"""Networks that write into their input, or return memory that they use again.

`Doubling(weight)` writes 2 x over x and scores that: its scores are those of `Linear(2 weight)`.
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai import reference
from fastxai.benchmark import ClassSensitivity, Faithfulness, Robustness
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
from tests._networks import Identity, Linear

CLASSES, SHAPE = 3, (2, 12, 12)
rng = np.random.default_rng(0)
WEIGHT = rng.normal(size=(CLASSES, *SHAPE)).astype(np.float32)
IMAGE = rng.normal(size=SHAPE).astype(np.float32)


class Doubling(Linear):
    """Writes first, scores then."""

    def construct(self, x):
        x.copy_(x * 2)
        return ops.matmul(x.reshape(x.shape[0], -1), self.weight.reshape(CLASSES, -1).T)


class Erasing(Linear):
    """Scores first, writes then."""

    def construct(self, x):
        scores = ops.matmul(x.reshape(x.shape[0], -1), self.weight.reshape(CLASSES, -1).T)
        x.copy_(ops.zeros_like(x))
        return scores


class Reusing(Linear):
    """Returns one Tensor at every call, into which it writes."""

    def __init__(self, weight, rows):
        super().__init__(weight)
        self.kept = ms.Tensor(np.zeros((rows, CLASSES), np.float32))

    def construct(self, x):
        scores = ops.matmul(x.reshape(x.shape[0], -1), self.weight.reshape(CLASSES, -1).T)
        self.kept.copy_(scores)
        return self.kept


def writing():
    """Both, with the weights of the same function written by hand."""
    return [(Doubling(WEIGHT), 2 * WEIGHT), (Erasing(WEIGHT), WEIGHT)]


def inputs():
    """The image as a Tensor of its own."""
    return ms.Tensor(IMAGE[None])


def occlusion_by_hand(weight, window):
    """Occlusion's map of a linear network, windows side by side: |drop| / 2 for each."""
    drops = (weight * IMAGE).sum(axis=0)
    rows, cols = (length // window for length in drops.shape)
    sums = drops.reshape(rows, window, cols, window).sum(axis=(1, 3))
    return np.kron(np.abs(sums) / 2, np.ones((window, window)))


def rise_by_hand(weight, number, seed):
    """Plain RISE map of a linear network, from the reference's masks."""
    cells, shifts = reference.mask_grid(seed, 0, number, (4, 4), 2**31, (11, 11), "iid")
    masks = reference.mask_upsample(cells, shifts, SHAPE[1:], (22, 22))[:, 0].astype(np.float64)
    scores = masks.reshape(number, -1) @ (weight * IMAGE).sum(axis=0).ravel()
    return np.tensordot(scores, masks, (0, 0)) / number


@pytest.mark.parametrize("per_eval", [1, 5])
def test_occlusion(mode, per_eval):
    for network, weight in [*writing(), (Reusing(WEIGHT, per_eval), WEIGHT)]:
        image = inputs()
        found = Occlusion(network, Identity(), per_eval, window=4)(image, [[1, 2]]).asnumpy()[0]
        for saliency, own in zip(found, weight[1:], strict=True):
            np.testing.assert_allclose(saliency, occlusion_by_hand(own, 4), rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(image.asnumpy()[0], IMAGE)


def test_rise(mode):
    for network, weight in [*writing(), (Reusing(WEIGHT, 8), WEIGHT)]:
        image, settings = inputs(), {"estimator": "plain", "design": "iid", "grid_size": 4}
        rise = RISE(network, Identity(), 8, num_masks=32, seed=3, **settings)
        found = rise(image, [[0, 2]]).asnumpy()[0]
        for saliency, own in zip(found, weight[[0, 2]], strict=True):
            np.testing.assert_allclose(saliency, rise_by_hand(own, 32, 3), rtol=1e-3, atol=1e-3)
        np.testing.assert_array_equal(image.asnumpy()[0], IMAGE)


@pytest.mark.filterwarnings("ignore:.*no ReLU")
@pytest.mark.parametrize("explainer", [Gradient, GuidedBackprop, Deconvolution])
def test_gradients_of_several_targets(mode, explainer):
    for network, weight in writing():
        image = inputs()
        found = explainer(network)(image, [[0, 1, 2]]).asnumpy()[0]
        np.testing.assert_allclose(found, np.abs(weight).max(axis=1), rtol=1e-5)
        np.testing.assert_array_equal(image.asnumpy()[0], IMAGE)


class WritingBehind(nn.Cell):
    """Writes 3 A over the output A of its layer, and scores that."""

    def __init__(self, mixing):
        super().__init__()
        self.layer = nn.Conv2d(SHAPE[0], len(mixing), 1, weight_init=ms.Tensor(mixing))
        self.head = Linear(WEIGHT)

    def construct(self, x):
        y = self.layer(x)
        y.copy_(y * 3)
        return self.head(y)


def test_gradcam(mode):
    mixing = rng.normal(size=(2, SHAPE[0], 1, 1)).astype(np.float32)
    found = GradCAM(WritingBehind(mixing), "layer")(inputs(), [[0, 2]]).asnumpy()[0]
    layer = np.tensordot(mixing[:, :, 0, 0], IMAGE, (1, 0))
    for saliency, own in zip(found, WEIGHT[[0, 2]], strict=True):
        channels = (3 * own).mean(axis=(1, 2))
        by_hand = np.maximum(np.tensordot(channels, layer, (0, 0)), 0)
        np.testing.assert_allclose(saliency, by_hand, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("metric", ["NaiveFaithfulness", "DeletionAUC", "InsertionAUC"])
def test_faithfulness(metric):
    saliency = ms.Tensor(np.abs(IMAGE).sum(axis=0)[None, None])
    for network, weight in writing():
        measure = Faithfulness(CLASSES, nn.Softmax(), metric, batch_size=4)
        image = inputs()
        results = [
            measure.evaluate(Gradient(each), image, 1, saliency)[0]
            for each in (network, Linear(weight))
        ]
        assert results[0] == pytest.approx(results[1], abs=1e-5)
        np.testing.assert_array_equal(image.asnumpy()[0], IMAGE)


@pytest.mark.parametrize("measure", [Robustness, ClassSensitivity])
def test_other_benchmarks(measure):
    for network, weight in writing():
        results = []
        for each in (network, Linear(weight)):
            image = inputs()
            explainer = Occlusion(each, nn.Softmax(), window=4)
            if measure is Robustness:
                results.append(
                    Robustness(CLASSES, nn.Softmax(), seed=1).evaluate(explainer, image, 1)
                )
            else:
                results.append(ClassSensitivity().evaluate(explainer, image))
            np.testing.assert_array_equal(image.asnumpy()[0], IMAGE)
        np.testing.assert_allclose(*results, rtol=1e-4)


class Classifier(nn.Cell):
    """A classifier for OoDNet whose layers write into what they are given, or do not."""

    def __init__(self, writes, seed):
        super().__init__()
        self.writes = writes
        self.num_features = 4
        self.output_features = False
        self.flatten = nn.Flatten()
        self.hidden = nn.Dense(int(np.prod(SHAPE)), 4)
        self.head = nn.Dense(4, CLASSES)
        own = np.random.default_rng(seed)
        for parameter in self.get_parameters():
            values = own.normal(0, 0.3, parameter.shape).astype(np.float32)
            parameter.set_data(ms.Tensor(values))

    def construct(self, x):
        features = self.hidden(self.flatten(x))
        if self.writes:
            x.copy_(ops.zeros_like(x))
        if self.output_features:
            return features
        return self.head(features)


@pytest.mark.parametrize("shared", [True, False])
def test_rise_plus(mode, shared):
    maps = []
    for writes in (True, False):
        classifier = Classifier(writes, 0)
        network = classifier if shared else Classifier(writes, 1)
        ood_net = OoDNet(classifier, CLASSES)
        ood_net._h.weight.set_data(ms.Tensor(np.eye(CLASSES, 4, dtype=np.float32)))
        explainer = RISEPlus(ood_net, network, nn.Softmax(), 8, num_masks=16, seed=0)
        maps.append(explainer(inputs(), 1).asnumpy())
        assert explainer.one_pass is shared
    assert np.abs(maps[1]).max() > 0
    np.testing.assert_allclose(*maps, atol=1e-6)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_an_engine_does_not_write_into_its_batch(engine):
    pytest.importorskip(engine)
    network = nn.SequentialCell(nn.ReLU(), nn.Flatten(), Linear(WEIGHT.reshape(CLASSES, -1)))
    found = Occlusion(network, Identity(), 4, window=4, engine=engine)(inputs(), 1).asnumpy()[0, 0]
    drops = (WEIGHT[1] * np.maximum(IMAGE, 0)).sum(axis=0)
    sums = np.abs(drops.reshape(3, 4, 3, 4).sum(axis=(1, 3))) / 2
    np.testing.assert_allclose(found, np.kron(sums, np.ones((4, 4))), rtol=1e-3, atol=1e-3)
