"""RISEPlus takes both scores from one pass where it can be shown that one is enough."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISEPlus
from fastxai.explainer.perturb.ood_scores import SharedHead
from fastxai.tool.cv import OoDNet
from tests._compare import MAP_ATOL, assert_close
from tests.tool import _classifiers as classifiers

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 16, 13)).astype(np.float32)
OPTIONS = {"num_masks": 70, "seed": 1}


def pair_of(classifier):
    """The classifier and an OoDNet on it, weights from a seed."""
    ood_net = OoDNet(classifier, 3)
    values = np.random.default_rng(1).normal(size=ood_net._h.weight.shape).astype(np.float32)
    ood_net._h.weight.set_data(ms.Tensor(values))
    return ood_net, classifier


def plain():
    """Dense layers alone."""
    return classifiers.Plain(pixels=IMAGES[0].size)


class Counted(classifiers.Convolution):
    """Counts passes (PYNATIVE: `construct` runs every time); its copies count too."""

    images = 0

    def construct(self, x):
        Counted.images += x.shape[0]
        x = self.relu(self.norm(self.conv(x))).mean(axis=(2, 3))
        if self.output_features:
            return x
        return self.dense(x)


@pytest.mark.parametrize("make", [plain, classifiers.Convolution, classifiers.Deep])
def test_one_pass_gives_the_map_of_two(mode, monkeypatch, make):
    ood_net, classifier = pair_of(make())
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)
    assert explainer.one_pass is None
    one = explainer(ms.Tensor(IMAGES), [[0, 1], [2, 0]]).asnumpy()
    assert explainer.one_pass is True
    monkeypatch.setattr(SharedHead, "find", lambda *a: None)
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)
    two = explainer(ms.Tensor(IMAGES), [[0, 1], [2, 0]]).asnumpy()
    assert explainer.one_pass is False
    assert_close(one, two, atol=MAP_ATOL)
    assert np.abs(two).max() > 1e-2


def test_half_the_passes_are_left():
    ood_net, classifier = pair_of(Counted())
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), 35, **OPTIONS)
    Counted.images = 0
    explainer(ms.Tensor(IMAGES[:1]), 0)
    # 70 masked images, 2 bounds, and the 4 of the test, which go through both.
    assert Counted.images == 70 + 2 + 2 * 4


def test_a_network_of_its_own_takes_two(mode):
    ood_net, _ = pair_of(classifiers.Convolution(seed=3))
    explainer = RISEPlus(ood_net, classifiers.Convolution(seed=3), nn.Softmax(), **OPTIONS)
    explainer(ms.Tensor(IMAGES), 0)
    assert explainer.one_pass is False


def test_a_layer_that_fits_in_size_only_is_not_taken_for_the_head(mode):
    ood_net, classifier = pair_of(classifiers.OddHead())
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)
    maps = explainer(ms.Tensor(IMAGES), 0).asnumpy()
    assert explainer.one_pass is False
    other = RISEPlus(ood_net, classifiers.Convolution(), nn.Softmax(), **OPTIONS)
    assert np.abs(maps - other(ms.Tensor(IMAGES), 0).asnumpy()).max() > 1e-3


def test_an_exchanged_head_is_found_anew(mode):
    ood_net, classifier = pair_of(classifiers.Convolution())
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)
    before = explainer(ms.Tensor(IMAGES), 0).asnumpy()
    classifier.dense = nn.Dense(8, 3, weight_init=ms.Tensor(-classifier.dense.weight.asnumpy()))
    after = explainer(ms.Tensor(IMAGES), 0).asnumpy()
    assert explainer.one_pass is True
    expected = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)(ms.Tensor(IMAGES), 0)
    assert_close(after, expected.asnumpy(), atol=MAP_ATOL)
    assert np.abs(after - before).max() > 1e-3


def test_changed_weights_of_the_head_are_seen(mode):
    ood_net, classifier = pair_of(classifiers.Convolution())
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)
    before = explainer(ms.Tensor(IMAGES), 0).asnumpy()
    classifier.dense.weight.set_data(-classifier.dense.weight)
    after = explainer(ms.Tensor(IMAGES), 0).asnumpy()
    assert np.abs(after - before).max() > 1e-3
    expected = RISEPlus(ood_net, classifier, nn.Softmax(), **OPTIONS)(ms.Tensor(IMAGES), 0)
    assert_close(after, expected.asnumpy(), atol=MAP_ATOL)
