"""Faithfulness against its formulas."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import Faithfulness
from fastxai.explainer import Gradient
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.benchmark._cases import IMAGE, MAP, SIZE, Planted, Recording, linear_network

METRICS = ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")
AUCS = METRICS[1:]


def softmax_score(network, image, target):
    """One image through the network, activated."""
    logits = network(ms.Tensor(image[None])).asnumpy()[0].astype(np.float64)
    powers = np.exp(logits - logits.max())
    return (powers / powers.sum())[target]


def by_hand(metric, image, saliency, score):
    """The result from the definition, one perturbed image at a time."""
    pixels = saliency.size
    steps = int(np.floor(np.sqrt(pixels)))
    per = int(np.floor(0.5 * pixels / steps))
    places = sorted(np.ndindex(saliency.shape), key=lambda place: -float(saliency[place]))
    groups = [places[j * per : (j + 1) * per] for j in range(steps)]
    scores = []
    for j in range(steps):
        shown = image.copy()
        if metric == "NaiveFaithfulness":
            for y, x in groups[j]:
                shown[:, y, x] = 0.0
        elif metric == "DeletionAUC":
            for y, x in sum(groups[: j + 1], []):
                shown[:, y, x] = 0.0
        else:
            shown[...] = 0.0
            for y, x in sum(groups[: j + 1], []):
                shown[:, y, x] = image[:, y, x]
        scores.append(score(shown))
    if metric == "NaiveFaithfulness":
        means = [np.mean([saliency[place] for place in group]) for group in groups]
        return (1 - np.corrcoef(means, scores)[0, 1]) / 2
    start = score(image) if metric == "DeletionAUC" else score(np.zeros_like(image))
    change = np.abs(np.array(scores) - start) * np.sign(np.array(scores) - start)
    change = -change if metric == "DeletionAUC" else change
    return (1 + (change.sum() - change[0] - change[-1]) / steps) / 2


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("target", [0, 4])
def test_equals_the_formula_on_images_that_are_not_square(metric, target, mode):
    network = networks.SmallConv()
    network.set_train(False)
    faithfulness = Faithfulness(5, nn.Softmax(), metric, batch_size=7)
    result = faithfulness.evaluate(
        Gradient(network), ms.Tensor(IMAGE), target, saliency=ms.Tensor(MAP)
    )
    assert result.dtype == np.float64
    expected = by_hand(
        metric, IMAGE[0], MAP[0, 0], lambda image: softmax_score(network, image, target)
    )
    # A correlation divides by the spread of the scores, some tens of times smaller than they are.
    assert_close(result, [expected], atol=NETWORK_ATOL * 50)


def contributions(weight, target):
    """What each pixel adds to a linear network's score."""
    return (weight[target] * IMAGE[0]).sum(axis=0).astype(np.float64)


def evaluate_linear(metric, saliency, target=1):
    """A metric of a planted map on a linear network with its raw scores."""
    network, _ = linear_network()
    explainer = Planted(network, lambda images, targets: saliency[None, None])
    faithfulness = Faithfulness(4, nn.Identity(), metric)
    return faithfulness.evaluate(explainer, ms.Tensor(IMAGE), target)[0]


def test_naive_is_1_for_the_contributions_of_a_linear_network_and_0_for_their_opposite():
    _, weight = linear_network()
    truth = contributions(weight, 1)
    assert evaluate_linear("NaiveFaithfulness", truth) == pytest.approx(1.0, abs=1e-6)
    assert evaluate_linear("NaiveFaithfulness", -truth) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("metric", AUCS)
def test_auc_of_a_linear_network_in_closed_form(metric):
    _, weight = linear_network()
    truth = contributions(weight, 1)
    steps, per = 13, 6  # of 12 x 15 pixels: isqrt(180), 90 // 13
    for saliency in (truth, -truth, MAP[0, 0]):
        order = np.argsort(-saliency.astype(np.float32), axis=None, kind="stable")
        ends = np.cumsum(truth.ravel()[order])[per - 1 : steps * per : per]
        expected = (1 + ends[1:-1].sum() / steps) / 2
        assert len(ends) == steps
        assert evaluate_linear(metric, saliency) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_a_faithful_map_scores_above_a_random_one_and_that_above_an_unfaithful_one(metric):
    image = np.abs(IMAGE)
    network, weight = linear_network()
    network.weight.set_data(ms.Tensor(weight * 0.02))
    truth = (weight[2] * image[0]).sum(axis=0)
    faithfulness = Faithfulness(4, nn.Softmax(), metric)
    shuffled = np.random.default_rng(5).permutation(truth.ravel()).reshape(SIZE)
    faithful, random, unfaithful = (
        faithfulness.evaluate(
            Gradient(network), ms.Tensor(image), 2, ms.Tensor(saliency[None, None])
        )[0]
        for saliency in (truth, shuffled, -truth)
    )
    assert 0.0 <= unfaithful < random < faithful <= 1.0
    assert faithful > 0.5 > unfaithful


@pytest.mark.parametrize("metric", METRICS)
def test_the_result_does_not_depend_on_the_batch_size(metric):
    network = networks.SmallConv()
    results = [
        Faithfulness(5, nn.Softmax(), metric, batch_size=size).evaluate(
            Gradient(network), ms.Tensor(IMAGE), 1, ms.Tensor(MAP)
        )
        for size in (1, 5, 32, 1000)
    ]
    for result in results[1:]:
        assert_close(result, results[0], atol=NETWORK_ATOL * 50)


def test_no_batch_is_larger_than_asked_for_and_all_have_one_shape():
    network = Recording()
    explainer = Planted(network, lambda images, targets: MAP)
    Faithfulness(5, nn.Softmax(), "DeletionAUC", batch_size=4).evaluate(
        explainer, ms.Tensor(IMAGE), 1
    )
    assert network.shapes == [(1, 3, *SIZE)] + [(4, 3, *SIZE)] * 4  # 13 steps and the image


def test_a_graph_is_compiled_once_per_shape():
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        faithfulness = Faithfulness(5, nn.Softmax(), "InsertionAUC")
        explainer = Gradient(networks.SmallConv())
        cells = set()
        for target in range(3):
            faithfulness.evaluate(explainer, ms.Tensor(IMAGE), target, ms.Tensor(MAP))
            cells.add(faithfulness._scorer._cell)
        assert len(cells) == 1
        assert len(cells.pop().compile_cache) == 2
    finally:
        ms.set_context(mode=before)


def test_a_layer_exchanged_between_calls_is_seen(mode):
    network = networks.SmallConv()
    explainer = Gradient(network)
    arguments = (explainer, ms.Tensor(IMAGE), 1, ms.Tensor(MAP))
    faithfulness = Faithfulness(5, nn.Softmax(), "DeletionAUC")
    before = faithfulness.evaluate(*arguments)
    network.dense = networks.SmallConv(seed=1).dense
    after = faithfulness.evaluate(*arguments)
    assert after != before
    assert after == Faithfulness(5, nn.Softmax(), "DeletionAUC").evaluate(*arguments)


def test_naive_of_a_uniform_map_is_one_half():
    uniform = ms.Tensor(np.full((1, 1, *SIZE), 0.1, np.float32))
    result = Faithfulness(5, nn.Softmax()).evaluate(
        Gradient(networks.SmallConv()), ms.Tensor(IMAGE), 1, uniform
    )
    assert result[0] == 0.5


@pytest.mark.parametrize("metric", METRICS)
def test_a_network_that_sees_nothing_gives_one_half(metric):
    network, weight = linear_network()
    network.weight.set_data(ms.Tensor(np.zeros_like(weight)))
    result = Faithfulness(4, nn.Softmax(), metric).evaluate(
        Gradient(network), ms.Tensor(IMAGE), 1, ms.Tensor(MAP)
    )
    assert result[0] == 0.5


def test_equal_pixels_go_row_by_row():
    network, weight = linear_network()
    truth = contributions(weight, 1)
    steps, per = 13, 6
    ends = np.cumsum(truth.ravel())[per - 1 : steps * per : per]
    expected = (1 + ends[1:-1].sum() / steps) / 2
    assert evaluate_linear("DeletionAUC", np.zeros(SIZE)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_the_smallest_image(metric):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 3, 3, 3)).astype(np.float32)
    saliency = rng.normal(size=(1, 1, 3, 3)).astype(np.float32)
    network = networks.SmallConv()
    result = Faithfulness(5, nn.Softmax(), metric).evaluate(
        Gradient(network), ms.Tensor(image), 1, ms.Tensor(saliency)
    )
    expected = by_hand(
        metric, image[0], saliency[0, 0], lambda shown: softmax_score(network, shown, 1)
    )
    assert_close(result, [expected], atol=NETWORK_ATOL * 50)


def test_refuses_an_image_of_fewer_than_9_pixels():
    image = ms.Tensor(np.zeros((1, 3, 2, 4), np.float32))
    with pytest.raises(ValueError, match=r"must have at least 9 pixels, got \(2, 4\)"):
        Faithfulness(5, nn.Softmax()).evaluate(Gradient(networks.SmallConv()), image, 1)


@pytest.mark.parametrize(
    ("arguments", "kwargs", "error", "words"),
    [
        ((5, 3), {}, TypeError, "`activation_fn` must be None, one of .*, got int"),
        ((5, nn.Softmax(), "AUC"), {}, ValueError, "`metric` must be one of .*, got 'AUC'"),
        ((5, nn.Softmax(), 3), {}, TypeError, "`metric` must be a str, got int"),
        ((5, nn.Softmax()), {"batch_size": 0}, ValueError, "`batch_size` must be in"),
        ((5, nn.Softmax()), {"batch_size": 2.0}, TypeError, "`batch_size` must be an int"),
        ((0, nn.Softmax()), {}, ValueError, "`num_labels` must be in"),
    ],
)
def test_constructor_refuses(arguments, kwargs, error, words):
    with pytest.raises(error, match=words):
        Faithfulness(*arguments, **kwargs)
