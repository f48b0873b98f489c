"""Networks whose weights are not all of one dtype get images in the one they take."""

from functools import partial

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.benchmark import Faithfulness
from fastxai.explainer import RISE, Deconvolution, GradCAM, Gradient, GuidedBackprop, Occlusion
from tests._compare import MAP_ATOL, assert_close

IMAGE = np.random.default_rng(0).random((1, 3, 8, 8)).astype(np.float16)
MAKERS = {
    "Gradient": Gradient,
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
    "GradCAM": lambda network: GradCAM(network, "conv"),
    "Occlusion": lambda network: Occlusion(network, "softmax", window=4),
    "RISE": lambda network: RISE(network, "softmax", num_masks=32, seed=0),
}


class Scaled(nn.Cell):
    """Layers in one dtype and a scale in another, which comes first or last."""

    def __init__(self, layers, scale, first=True):
        super().__init__()
        if first:
            self.scale = ms.Parameter(ms.Tensor(1.0, scale))
        self.conv, self.relu = nn.Conv2d(3, 6, 3), nn.ReLU()
        self.flat, self.dense = nn.Flatten(), nn.Dense(6 * 64, 4)
        if not first:
            self.scale = ms.Parameter(ms.Tensor(1.0, scale))
        rng = np.random.default_rng(3)
        for parameter in (*self.conv.get_parameters(), *self.dense.get_parameters()):
            values = rng.normal(0.05, 0.1, parameter.shape).astype(np.float32)
            parameter.set_data(ms.Tensor(values))
            parameter.set_dtype(layers)

    def construct(self, x):
        scores = self.dense(self.flat(self.relu(self.conv(x))))
        return scores * self.scale.astype(scores.dtype)


class WithTeacher(Scaled):
    """A larger frozen network in another dtype, declared first and not used."""

    def __init__(self, layers, teacher):
        nn.Cell.__init__(self)
        self.teacher = nn.Conv2d(3, 64, 7)
        for parameter in self.teacher.get_parameters():
            parameter.set_dtype(teacher)
        rest = Scaled(layers, layers)
        self.conv, self.relu, self.flat, self.dense = rest.conv, rest.relu, rest.flat, rest.dense
        self.scale = rest.scale


class CastsItself(nn.Cell):
    """Normalises in float32 with weights of its own, then computes in float16."""

    def __init__(self):
        super().__init__()
        self.mean = ms.Parameter(ms.Tensor(np.full((1, 3, 1, 1), 0.5), ms.float32))
        self.rest = Scaled(ms.float16, ms.float16)
        self.conv = self.rest.conv

    def construct(self, x):
        return self.rest((x - self.mean).astype(ms.float16))


class InTuple(nn.Cell):
    """A float16 weight in a ParameterTuple, and a float32 one."""

    def __init__(self):
        super().__init__()
        weight = np.random.default_rng(1).normal(size=(4, 3, 3, 3))
        self.scale = ms.Parameter(ms.Tensor(1.0, ms.float32))
        self.weights = ms.ParameterTuple([ms.Parameter(ms.Tensor(weight, ms.float16), name="w")])
        self.conv = ops.Conv2D(4, 3)

    def construct(self, x):
        return self.conv(x, self.weights[0]).mean((2, 3))


class NoWeights(nn.Cell):
    """A float16 constant instead of weights."""

    def __init__(self):
        super().__init__()
        weight = np.random.default_rng(1).normal(size=(4, 3))
        self.weight = ms.Tensor(weight, ms.float16)

    def construct(self, x):
        return ops.matmul(x.mean((2, 3)), self.weight.T)


class ScoresInBfloat16(Scaled):
    """Computes in float32; MindSpore has no activation of bfloat16 for CPUs."""

    def construct(self, x):
        return self.dense(self.flat(self.relu(self.conv(x)))).astype(ms.bfloat16)


class ScoresFromBfloat16(ScoresInBfloat16):
    """The same scores in float32."""

    def construct(self, x):
        return super().construct(x).astype(ms.float32)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_float32_scale_beside_float16_layers(make):
    compare_halves(make)


@pytest.mark.parametrize("name", ["GradCAM", "RISE"])
def test_it_works_in_graph_mode_too(graph_mode, name):
    compare_halves(MAKERS[name])


def compare_halves(make):
    right = make(Scaled(ms.float32, ms.float32))(ms.Tensor(IMAGE.astype(np.float32)), 1).asnumpy()
    got = make(Scaled(ms.float16, ms.float32))(ms.Tensor(IMAGE), 1).asnumpy()
    assert_close(got, right, atol=0.05, scale=float(np.abs(right).max()))


@pytest.mark.parametrize(
    "network",
    [
        lambda: Scaled(ms.float16, ms.float32, first=False),
        lambda: Scaled(ms.float32, ms.float16),
        lambda: Scaled(ms.float32, ms.float64),
        lambda: WithTeacher(ms.float16, ms.float32),
        lambda: WithTeacher(ms.float32, ms.float16),
    ],
    ids=["scale last", "float16 scale", "float64 scale", "teacher", "float16 teacher"],
)
@pytest.mark.parametrize("name", ["Gradient", "Occlusion", "RISE"])
def test_other_mixtures(network, name):
    right = MAKERS[name](Scaled(ms.float32, ms.float32))(ms.Tensor(IMAGE), 1).asnumpy()
    got = MAKERS[name](network())(ms.Tensor(IMAGE), 1).asnumpy()
    assert_close(got, right, atol=0.05, scale=float(np.abs(right).max()))


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", nn.LogSoftmax()])
def test_scores_in_bfloat16_are_activated(activation):
    make = partial(Occlusion, activation_fn=activation, window=4, engine="mindspore")
    image = ms.Tensor(IMAGE.astype(np.float32))
    right = make(ScoresFromBfloat16(ms.float32, ms.float32))(image, 1).asnumpy()
    got = make(ScoresInBfloat16(ms.float32, ms.float32))(image, 1).asnumpy()
    assert right.max() > 0
    assert_close(got, right, atol=MAP_ATOL)


@pytest.mark.parametrize("network", [CastsItself, InTuple, NoWeights])
@pytest.mark.parametrize("name", ["Gradient", "Occlusion"])
def test_networks_that_hold_their_weights_otherwise_run(network, name):
    maps = MAKERS[name](network())(ms.Tensor(IMAGE), 1).asnumpy()
    assert np.ptp(maps) > 0 or name == "Gradient"


def test_a_network_that_takes_float32_gets_it():
    """Pixels above 2048 would lose their ones in float16."""
    network = CastsItself()
    seen = []
    network.register_forward_pre_hook(lambda cell, inputs: seen.append(inputs[0].dtype))
    Occlusion(network, "softmax", window=4)(ms.Tensor(IMAGE), 1)
    assert set(seen) == {ms.float32}


def test_a_network_of_one_dtype_is_not_tried(monkeypatch):
    from fastxai.engine.input_dtype import InputDtype

    monkeypatch.setattr(InputDtype, "_takes", None)
    for dtype in (ms.float32, ms.float16):
        Occlusion(Scaled(dtype, dtype), "softmax", window=4)(ms.Tensor(IMAGE), 1)


def test_benchmarks_and_the_command_line_too():
    from fastxai.cli.subject.network import predict

    image = IMAGE.astype(np.float32)
    right = predict(Scaled(ms.float32, ms.float32), nn.Softmax(), image)
    got = predict(Scaled(ms.float16, ms.float32), nn.Softmax(), image)
    np.testing.assert_allclose(got, right, atol=2e-3)
    network = Scaled(ms.float16, ms.float32)
    explainer = Occlusion(network, "softmax", window=4)
    value = Faithfulness(4, "softmax").evaluate(explainer, ms.Tensor(image), 1)
    assert np.isfinite(value).all()


def test_the_network_comes_back_as_it_came(graph_mode):
    network = Scaled(ms.float16, ms.float32).set_train(True)
    names = [(p.name, p.dtype, p.asnumpy().tobytes()) for p in network.get_parameters()]
    flags = [(cell.training, cell.phase) for _, cell in network.cells_and_names()]
    RISE(network, "softmax", num_masks=8)(ms.Tensor(IMAGE), 1)
    assert names == [(p.name, p.dtype, p.asnumpy().tobytes()) for p in network.get_parameters()]
    assert flags == [(cell.training, cell.phase) for _, cell in network.cells_and_names()]
