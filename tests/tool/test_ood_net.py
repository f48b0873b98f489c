"""OoDNet against its formula and against mindspore_xai."""

import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from mindspore.train import Callback

from fastxai.tool.cv import OoDNet
from tests._compare import NETWORK_ATOL, assert_close
from tests.tool import _classifiers as classifiers
from tests.tool._ood import IMAGES, LABELS, PEER, arrays_of, batches, checkpoint, train

ROOT = Path(__file__).parents[2]
# Twelve steps of SGD on float32 gradients, in another order of summation.
TRAINED_ATOL = 5e-6


def features_of(classifier, images):
    """Of `Plain`, by hand."""
    weight, bias = classifier.fc1.weight.asnumpy(), classifier.fc1.bias.asnumpy()
    flat = images.reshape(len(images), -1).astype(np.float64)
    return np.maximum(flat @ weight.T.astype(np.float64) + bias, 0)


def scores_by_hand(f, h):
    f, h = (x / (np.linalg.norm(x, axis=1, keepdims=True) + 1e-4) for x in (f, h))
    return f @ h.T


def logits_by_hand(f, h, g, b):
    z = f @ g.T + b
    z = (z - z.mean()) / np.sqrt(z.var() + 1e-5)
    return scores_by_hand(f, h) * (1 + np.exp(-z))


# ---- scores ---------------------------------------------------------------------------------


def test_scores_are_the_formula(mode):
    classifier = classifiers.Plain(seed=4)
    ood_net = OoDNet(classifier, 5)
    scores = ood_net(ms.Tensor(IMAGES))
    assert scores.shape == (12, 5)
    expected = scores_by_hand(features_of(classifier, IMAGES), ood_net._h.weight.asnumpy())
    assert_close(scores.asnumpy(), expected, atol=NETWORK_ATOL)


def test_logits_are_the_formula_and_move_the_statistics_of_g(mode):
    classifier = classifiers.Plain(seed=4)
    ood_net = OoDNet(classifier, 3)
    own = arrays_of(ood_net)
    f = features_of(classifier, IMAGES)
    logits = ood_net.set_train(True)(ms.Tensor(IMAGES)).asnumpy()
    expected = logits_by_hand(f, own["_h.weight"], own["_g_fc.weight"], own["_g_fc.bias"])
    assert_close(logits, expected, atol=NETWORK_ATOL, scale=np.abs(expected).max())
    z = f @ own["_g_fc.weight"].T + own["_g_fc.bias"]
    mean, variance = ood_net._g_bn2d.moving_mean, ood_net._g_bn2d.moving_variance
    assert_close(mean.asnumpy(), [0.1 * z.mean()], atol=NETWORK_ATOL)
    assert_close(variance.asnumpy(), [0.9 + 0.1 * z.var(ddof=1)], atol=NETWORK_ATOL)


def test_scores_come_back_after_training_mode(mode):
    ood_net = OoDNet(classifiers.Convolution(), 3)
    first = ood_net(ms.Tensor(IMAGES)).asnumpy()
    assert ood_net.set_train() is ood_net
    assert np.abs(ood_net(ms.Tensor(IMAGES)).asnumpy() - first).max() > 1e-2
    ood_net.set_train(False)
    np.testing.assert_array_equal(ood_net(ms.Tensor(IMAGES)).asnumpy(), first)


def test_features_of_zeros_score_zero_and_have_a_finite_gradient(mode):
    classifier = classifiers.Plain()
    classifier.fc1.bias.set_data(ms.Tensor(np.full(6, -1, np.float32)))
    ood_net = OoDNet(classifier, 3)
    zeros = ms.Tensor(np.zeros((2, 3, 4, 4), np.float32))
    np.testing.assert_array_equal(ood_net(zeros).asnumpy(), 0)
    gradient = ms.grad(ood_net)(zeros).asnumpy()
    assert np.isfinite(gradient).all()


def test_weights_are_drawn_as_documented():
    ood_net = OoDNet(classifiers.Plain(features=50), 200)
    weight = ood_net._h.weight.asnumpy()
    assert weight.shape == (200, 50)
    assert abs(weight.std() / np.sqrt(2 / 50) - 1) < 0.05  # He; 10000 draws, 7 standard errors
    assert not ood_net.training


def test_graph_mode_compiles_once_per_shape_and_sees_changed_weights():
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        classifier = classifiers.Plain()
        ood_net = OoDNet(classifier, 3)
        first = ood_net(ms.Tensor(IMAGES)).asnumpy()
        classifiers.set_weights(classifier, 8)
        second = ood_net(ms.Tensor(IMAGES)).asnumpy()
        assert len(ood_net.compile_cache) == 1
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)
    assert np.abs(first - second).max() > 1e-2
    expected = scores_by_hand(features_of(classifier, IMAGES), ood_net._h.weight.asnumpy())
    assert_close(second, expected, atol=NETWORK_ATOL)


def test_an_exchanged_layer_is_seen(mode):
    classifier = classifiers.Plain()
    ood_net = OoDNet(classifier, 3)
    ood_net(ms.Tensor(IMAGES))
    classifier.fc1 = classifiers.Plain(seed=6).fc1
    expected = scores_by_hand(features_of(classifier, IMAGES), ood_net._h.weight.asnumpy())
    assert_close(ood_net(ms.Tensor(IMAGES)).asnumpy(), expected, atol=NETWORK_ATOL)


def test_attributes_may_be_properties(mode):
    classifier = classifiers.Wrapped()
    ood_net = OoDNet(classifier, 3)
    expected = scores_by_hand(features_of(classifier.inner, IMAGES), ood_net._h.weight.asnumpy())
    assert_close(ood_net(ms.Tensor(IMAGES)).asnumpy(), expected, atol=NETWORK_ATOL)
    assert classifier.output_features is False


# ---- mindspore_xai --------------------------------------------------------------------------


def test_a_checkpoint_of_mindspore_xai_loads_and_gives_its_scores_and_logits(mode):
    ood_net = OoDNet(classifiers.Plain(seed=5), 3)
    assert ms.load_param_into_net(ood_net, checkpoint("after")) == ([], [])
    scores = ood_net(ms.Tensor(IMAGES)).asnumpy()
    assert_close(scores, PEER["scores"], atol=NETWORK_ATOL)
    logits = ood_net.set_train()(ms.Tensor(IMAGES)).asnumpy()
    assert_close(logits, PEER["logits"], atol=NETWORK_ATOL, scale=np.abs(logits).max())


def test_one_with_batch_norm_too(mode):
    ood_net = OoDNet(classifiers.Convolution(seed=5), 3)
    assert ms.load_param_into_net(ood_net, checkpoint("riseplus")) == ([], [])
    scores = ood_net(ms.Tensor(PEER["riseplus_images"])).asnumpy()
    assert_close(scores, PEER["riseplus_scores"], atol=NETWORK_ATOL)


def train_as_the_peer_did(mode_name):
    """Trains and compares; run by the next test in a process of its own."""
    ms.set_context(mode=ms.GRAPH_MODE if mode_name == "graph" else ms.PYNATIVE_MODE)
    ood_net = OoDNet(classifiers.Plain(seed=5), 3)
    ms.load_param_into_net(ood_net, checkpoint("before"))
    loss = nn.SoftmaxCrossEntropyWithLogits()
    ood_net.train(batches(), loss, epoch=4, learning_rate=0.05, lr_epoch_denom=2)
    for name, weights in arrays_of(ood_net).items():
        assert_close(weights, PEER[f"after/{name}"], atol=TRAINED_ATOL)
    scores = ood_net(ms.Tensor(IMAGES)).asnumpy()
    assert_close(scores, PEER["scores"], atol=TRAINED_ATOL)
    assert not ood_net.training


@pytest.mark.parametrize("mode_name", ["pynative", "graph"])
def test_training_gives_the_weights_of_mindspore_xai(mode_name):
    """In a process of its own: behind 2000 other tests, PYNATIVE_MODE once gave other weights."""
    code = f"from tests.tool import test_ood_net as t; t.train_as_the_peer_did({mode_name!r})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr


# ---- training -------------------------------------------------------------------------------


def test_one_step_is_sgd_on_the_gradient_of_the_formula(mode):
    """The gradient by central differences of the loss in float64."""
    classifier = classifiers.Plain(seed=4)
    ood_net = OoDNet(classifier, 3)
    f = features_of(classifier, IMAGES)
    names = ("_h.weight", "_g_fc.weight", "_g_fc.bias")
    before = [arrays_of(ood_net)[name] for name in names]

    def loss(weights):
        z = logits_by_hand(f, *weights)
        return (np.log(np.exp(z).sum(axis=1)) - (z * LABELS).sum(axis=1)).sum()

    expected = []
    for k, array in enumerate(before):
        slopes = np.empty_like(array)
        for index in np.ndindex(array.shape):
            sides = [[w.copy() for w in before] for _ in range(2)]
            sides[0][k][index] += 1e-5
            sides[1][k][index] -= 1e-5
            slopes[index] = (loss(sides[0]) - loss(sides[1])) / 2e-5
        expected.append(array - 0.02 * (slopes + 0.01 * array))
    ood_net.train(
        batches(12), nn.SoftmaxCrossEntropyWithLogits(), epoch=1, learning_rate=0.02,
        weight_decay=0.01,
    )  # fmt: skip
    for name, array in zip(names, expected, strict=True):
        assert_close(arrays_of(ood_net)[name], array, atol=TRAINED_ATOL)


class Rates(Callback):
    """Notes the learning rate of every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_step_begin(self, run_context):
        self.seen.append(float(run_context.original_args().optimizer.learning_rate.asnumpy()))


def test_rates_follow_the_finished_epochs_one_step_late():
    rates = Rates()
    train(OoDNet(classifiers.Plain(), 3), callbacks=rates, epoch=3, lr_epoch_denom=1)
    np.testing.assert_allclose(rates.seen, [0.1, 0.01, 0.01, 0.01, 0.01, 0.001], rtol=1e-6)


def test_defaults_keep_the_rate_for_29_epochs():
    _, scheduler = OoDNet(classifiers.Plain(), 3).prepare_train()
    for finished, rate in ((1, 0.1), (29, 0.1), (30, 0.01), (59, 0.01), (60, 0.001)):
        scheduler._epoch = finished
        assert np.isclose(scheduler.learning_rate_function(0.5, 7), rate)


@pytest.mark.parametrize("form", [list, tuple, lambda pair: pair[0]])
def test_callbacks_come_in_every_form(form):
    pair = (Rates(), Rates())
    train(OoDNet(classifiers.Plain(), 3), callbacks=form(pair))
    assert len(pair[0].seen) == 2


def test_progress_counts_the_steps_of_all_epochs():
    seen = []
    train(OoDNet(classifiers.Plain(), 3), epoch=2, progress=lambda *pair: seen.append(pair))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_what_is_trained():
    classifier = classifiers.Plain()
    ood_net = OoDNet(classifier, 3)
    own = [ood_net._h.weight, ood_net._g_fc.weight, ood_net._g_fc.bias]
    assert [id(p) for p in ood_net.get_train_parameters()] == [id(p) for p in own]
    both = [*classifier.get_parameters(), *own]
    assert [id(p) for p in ood_net.get_train_parameters(True)] == [id(p) for p in both]
    optimizer, _ = ood_net.prepare_train()
    assert [p.name for p in optimizer.parameters] == ["_h.weight", "_g_fc.weight", "_g_fc.bias"]


def test_an_optimizer_and_scheduler_of_ones_own_are_used():
    ood_net = OoDNet(classifiers.Plain(), 3)
    _, scheduler = ood_net.prepare_train(learning_rate=0.5)
    before = arrays_of(ood_net)
    optimizer = nn.SGD([ood_net._g_fc.bias], learning_rate=0.5)
    train(ood_net, optimizer=optimizer, scheduler=scheduler)
    after = arrays_of(ood_net)
    np.testing.assert_array_equal(after["_h.weight"], before["_h.weight"])
