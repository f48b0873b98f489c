"""The activation acts on the classes, whatever the network returns and whatever the user gave."""

import functools

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.benchmark import Faithfulness, Robustness
from fastxai.explainer import RISE, Gradient, Occlusion
from fastxai.network.digest import network_digest
from tests._compare import MAP_ATOL, assert_close

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(3, 3)).astype(np.float32)
IMAGE = RNG.random((1, 3, 6, 9)).astype(np.float32)
TEMPERATURE = 2.0


class Network(nn.Cell):
    """A 1 x 1 convolution without a bias; its scores in one of several forms."""

    def __init__(self, form="dense", classes=3):
        super().__init__()
        self.form = form
        weight = ms.Tensor(WEIGHT[:classes, :, None, None])
        self.conv = nn.Conv2d(3, classes, 1, weight_init=weight)

    def construct(self, x):
        scores = self.conv(x)
        if self.form == "pooled":
            return scores.mean((2, 3))
        if self.form == "rows":  # (M, classes, h)
            return scores.mean(3)
        if self.form == "flat":  # (M,)
            return scores.mean((1, 2, 3))
        return scores


def softmax(z, axis=1):
    powers = np.exp(z - z.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def right_map(act, form="dense", classes=3, window=3):
    """Occlusion by its formula in float64, (classes, 6, 9)."""

    def score(images):
        z = np.einsum("kc,mchw->mkhw", WEIGHT[:classes].astype(float), images.astype(float))
        if form == "pooled":
            z = z.mean((2, 3), keepdims=True)
        elif form == "rows":
            z = z.mean(3, keepdims=True)
        elif form == "flat":
            z = z.mean((1, 2, 3), keepdims=True)
        return act(z).mean((2, 3))[0]

    found = np.zeros((classes if form != "flat" else 1, 6, 9))
    for i in range(0, 6, window):
        for j in range(0, 9, window):
            covered = IMAGE.copy()
            covered[:, :, i : i + window, j : j + window] = 0
            drop = np.abs(score(IMAGE) - score(covered)) / 2
            found[:, i : i + window, j : j + window] = drop[:, None, None]
    return found


def explained(activation, form="dense", **options):
    network = Network(form)
    maps = Occlusion(network, activation, window=3, **options)(ms.Tensor(IMAGE), [[0, 1, 2]])
    return maps.asnumpy()[0]


class Custom(nn.Cell):
    """Softmax of a temperature, over axis 1."""

    def construct(self, scores):
        return ops.softmax(scores / TEMPERATURE, 1)


class Temperature:
    """A function with a number of its own."""

    def __init__(self, value):
        self.value = value

    def __call__(self, scores):
        return ops.softmax(scores / self.value, -1)

    def method(self, scores):
        return ops.softmax(scores / self.value, -1)


def tempered(scores, by=1.0):
    return ops.softmax(scores / by, -1)


def of_temperature(value):
    return lambda scores: ops.softmax(scores / value, 1)


@pytest.mark.parametrize("form", ["dense", "rows", "pooled"])
@pytest.mark.parametrize(
    "activation", [nn.Softmax(), nn.Softmax(axis=1), "softmax"], ids=["-1", "1", "word"]
)
def test_softmax_acts_on_the_classes(mode, form, activation):
    assert_close(explained(activation, form), right_map(softmax, form), atol=MAP_ATOL)


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (None, lambda z: z),
        ("sigmoid", sigmoid),
        (nn.Sigmoid(), sigmoid),
        (nn.LogSoftmax(), lambda z: np.log(softmax(z))),
        (nn.Softmax2d(), softmax),
        (Custom(), lambda z: softmax(z / 2)),
        (ops.Softmax(axis=1), softmax),
        (ops.sigmoid, sigmoid),
        (lambda scores: ops.softmax(scores, 1), softmax),
        (tempered, softmax),
        (functools.partial(tempered, by=2.0), lambda z: softmax(z / 2)),
        (Temperature(2.0), lambda z: softmax(z / 2)),
        (Temperature(2.0).method, lambda z: softmax(z / 2)),
        (of_temperature(2.0), lambda z: softmax(z / 2)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_every_kind_of_activation_works_in_both_modes(mode, activation, formula):
    assert_close(explained(activation), right_map(formula), atol=MAP_ATOL)


def test_two_lambdas_of_one_line_are_told_apart(mode):
    both = [lambda z: ops.sigmoid(z), lambda z: ops.softmax(z, 1)]
    assert_close(explained(both[0]), right_map(sigmoid), atol=MAP_ATOL)
    assert_close(explained(both[1]), right_map(softmax), atol=MAP_ATOL)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize(
    "activation", [nn.Softmax(), lambda z: ops.softmax(z, 1)], ids=["cell", "lambda"]
)
def test_other_engines_score_the_classes_too(engine, activation):
    pytest.importorskip(engine)
    got = explained(activation, engine=engine)
    assert_close(got, right_map(softmax), atol=1e-4)


def test_rise_sees_the_same_scores(mode):
    """Its map is linear in the scores: of sigmoid's it is that of the formula's network."""
    dense = RISE(Network(), nn.Softmax(), num_masks=64, seed=0, estimator="plain")
    maps = dense(ms.Tensor(IMAGE), [[0, 1, 2]]).asnumpy()[0]
    assert np.ptp(maps, axis=(1, 2)).min() > 1e-4
    # Softmax sums to 1 over the classes, so the sum of maps is the mean mask.
    assert_close(
        maps.sum(0),
        RISE(Ones(), None, num_masks=64, seed=0, estimator="plain")(ms.Tensor(IMAGE), 0).asnumpy()[
            0, 0
        ],
        atol=1e-6,
    )


class Ones(nn.Cell):
    """Score 1 for each of two classes."""

    def construct(self, x):
        return ops.ones((x.shape[0], 2), ms.float32)


@pytest.mark.parametrize("form", ["flat", "one"])
@pytest.mark.parametrize("activation", ["softmax", nn.Softmax(axis=1), nn.LogSoftmax()], ids=str)
@pytest.mark.parametrize(
    "make",
    [
        lambda network, activation: Occlusion(network, activation, window=3),
        lambda network, activation: RISE(network, activation, num_masks=8),
    ],
    ids=["Occlusion", "RISE"],
)
def test_one_class_is_refused_where_the_activation_makes_a_constant(mode, form, activation, make):
    network = Network("flat") if form == "flat" else Network("pooled", 1)
    with pytest.raises(ValueError, match=r"`network` returns one score per image.*'sigmoid'"):
        make(network, activation)(ms.Tensor(IMAGE), 0)


def test_one_score_per_image_is_one_class_whatever_the_batch(mode):
    expected = right_map(sigmoid, "flat")
    for size in (1, 4, 32):
        explainer = Occlusion(Network("flat"), "sigmoid", size, window=3)
        maps = explainer(ms.Tensor(np.concatenate([IMAGE, IMAGE])), 0).asnumpy()
        assert_close(maps[1], expected, atol=MAP_ATOL)


@pytest.mark.parametrize("make", [Faithfulness, Robustness])
def test_benchmarks_score_the_classes(make):
    dense = make(3, nn.Softmax())._scorer(Network(), IMAGE)
    z = np.einsum("kc,mchw->mkhw", WEIGHT.astype(float), IMAGE.astype(float))
    np.testing.assert_allclose(dense, softmax(z).mean((2, 3)), atol=1e-6)
    none = make(3, None)._scorer(Network(), IMAGE)
    np.testing.assert_allclose(none, z.mean((2, 3)), atol=1e-6)
    with pytest.raises(ValueError, match="`network` returns one score per image"):
        make(1, "softmax")._scorer(Network("flat"), IMAGE)


def test_the_command_line_scores_the_classes():
    from fastxai.cli.subject.network import predict

    z = np.einsum("kc,mchw->mkhw", WEIGHT.astype(float), IMAGE.astype(float))
    scores = predict(Network(), nn.Softmax(), IMAGE)
    np.testing.assert_allclose(scores, softmax(z).mean((2, 3))[0], atol=1e-6)


@pytest.mark.parametrize("make", [RISE, Occlusion, lambda net, act: Faithfulness(3, act)])
@pytest.mark.parametrize(
    ("activation", "error", "words"),
    [
        (nn.Softmax, TypeError, r"the class Softmax: write nn.Softmax\(\)"),
        (nn.Sigmoid, TypeError, r"write nn.Sigmoid\(\)"),
        (Custom, TypeError, r"write Custom\(\)"),
        ("Softmax", ValueError, r"one of \('softmax', 'sigmoid'\).*got 'Softmax'"),
        (3, TypeError, "got int"),
    ],
)
def test_other_activations_are_refused_with_what_to_write(make, activation, error, words):
    with pytest.raises(error, match=words):
        make(Network(), activation)


def test_different_activations_have_different_digests():
    scale = {"a": 1.0}
    kinds = [
        "softmax",
        "sigmoid",
        None,
        tempered,
        functools.partial(tempered, by=2.0),
        Temperature(2.0),
        Temperature(3.0),
        Temperature(2.0).method,
        Temperature(3.0).method,
        of_temperature(2.0),
        of_temperature(3.0),
        lambda z: ops.softmax(z * 2, 1),
        lambda z: ops.softmax(z * 3, 1),
        lambda z: ops.softmax(z * scale["a"], 1),
    ]
    digests = [network_digest(RISE(Network(), kind)._backend.scored_cells()) for kind in kinds]
    assert len(set(digests)) == len(kinds)
    again = network_digest(RISE(Network(), Temperature(2.0))._backend.scored_cells())
    assert again == digests[5]


def test_a_global_that_an_activation_reads_counts(monkeypatch):
    def reads(z):
        return ops.softmax(z / TEMPERATURE, 1)

    before = network_digest(RISE(Network(), reads)._backend.scored_cells())
    monkeypatch.setitem(globals(), "TEMPERATURE", 3.0)
    assert network_digest(RISE(Network(), reads)._backend.scored_cells()) != before


def test_gradients_average_the_pixels_of_a_class(mode):
    maps = Gradient(Network())(ms.Tensor(IMAGE), [[0, 1, 2]]).asnumpy()[0]
    expected = np.abs(WEIGHT).max(1)[:, None, None] / 54 * np.ones((1, 6, 9))
    assert_close(maps, expected, atol=1e-6)


class Odds(nn.Cell):
    """One score of two classes."""

    def construct(self, scores):
        return scores[:, 2] - scores[:, 0]


@pytest.mark.parametrize(
    ("activation", "formula"),
    [
        (lambda z: ops.softmax(z, 1)[:, 1], lambda z: softmax(z)[:, 1:2]),
        (lambda z: ops.softmax(z, 1)[:, 1:2], lambda z: softmax(z)[:, 1:2]),
        (lambda z: ops.exp(z).sum(1).log(), lambda z: np.log(np.exp(z).sum(1, keepdims=True))),
        (
            lambda z: (ops.softmax(z, 1) * ops.log_softmax(z, 1)).sum(1),
            lambda z: (softmax(z) * np.log(softmax(z))).sum(1, keepdims=True),
        ),
        (Odds(), lambda z: z[:, 2:] - z[:, :1]),
    ],
    ids=["class", "slice", "logsumexp", "entropy", "odds"],
)
def test_an_activation_may_make_one_score_of_several_classes(mode, activation, formula):
    maps = Occlusion(Network(), activation, window=3)(ms.Tensor(IMAGE), 0).asnumpy()[0]
    assert_close(maps, right_map(formula, classes=3)[:1], atol=MAP_ATOL)


@pytest.mark.parametrize("make", [RISE, Occlusion, lambda net, act: Robustness(3, act)])
@pytest.mark.parametrize(
    ("activation", "axis"),
    [
        (nn.Softmax(axis=0), "0"),
        (nn.Softmax(axis=2), "2"),
        (nn.LogSoftmax(axis=-3), "-3"),
        (ops.Softmax(axis=0), "0"),
        (functools.partial(ops.softmax, axis=0), "0"),
    ],
    ids=["0", "2", "-3", "primitive", "partial"],
)
def test_a_softmax_over_another_axis_is_refused(make, activation, axis):
    with pytest.raises(ValueError, match=rf"`activation_fn` must act on axis 1 or -1, got {axis}:"):
        make(Network(), activation)


@pytest.mark.parametrize(
    "activation",
    [
        lambda z: ops.softmax(z, 0),
        lambda z: ops.softmax(z, 0)[:, 1],
        lambda z: z - z.mean(0, keep_dims=True),
    ],
    ids=["softmax", "class", "centred"],
)
def test_a_function_that_mixes_images_is_refused(mode, activation):
    with pytest.raises(ValueError, match="depend on the other images of the batch"):
        Occlusion(Network("pooled"), activation, window=3)(ms.Tensor(IMAGE), 0)
    with pytest.raises(ValueError, match="depend on the other images of the batch"):
        Robustness(3, activation)._scorer(Network("pooled"), IMAGE)


class Steps(nn.Cell):
    """Integer or bool scores."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def construct(self, x):
        sums = x.sum((2, 3))
        return sums > 20 if self.dtype == ms.bool_ else (10 * sums).astype(self.dtype)


@pytest.mark.parametrize("dtype", [ms.int32, ms.bool_], ids=str)
@pytest.mark.parametrize("activation", [None, "sigmoid", "softmax"], ids=str)
def test_scores_that_are_no_floats_are_taken(mode, dtype, activation):
    act = {None: lambda z: z, "sigmoid": sigmoid, "softmax": softmax}[activation]

    def score(images):
        sums = images.sum((2, 3), dtype=np.float32)
        return act((sums > 20 if dtype == ms.bool_ else (10 * sums).astype(int)).astype(float))

    maps = Occlusion(Steps(dtype), activation, window=3)(ms.Tensor(IMAGE), [[0, 1, 2]])
    covered = IMAGE.copy()
    covered[:, :, :3, 3:6] = 0
    expected = np.abs(score(IMAGE) - score(covered))[0] / 2
    assert_close(maps.asnumpy()[0, :, 0, 3], expected, atol=MAP_ATOL)


class OfFour(Network):
    """Takes batches of four images alone."""

    def __init__(self):
        super().__init__("pooled")

    def construct(self, x):
        return super().construct(x).reshape((4, 3))


def test_a_network_of_one_batch_size_may_have_any_activation(mode):
    """RISE of 8 masks, four at a time."""
    maps = [
        RISE(net, activation, 4, num_masks=8, seed=0)(ms.Tensor(IMAGE), target).asnumpy()
        for net, activation, target in [
            (OfFour(), lambda z: ops.softmax(z, 1)[:, 1], 0),
            (Network("pooled"), "softmax", 1),
        ]
    ]
    assert_close(maps[0], maps[1], atol=MAP_ATOL)
