"""fastxai.explainer and fastxai.benchmark take files and functions beside cells."""

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn  # noqa: E402

import fastxai  # noqa: E402
from fastxai.benchmark import ClassSensitivity, Faithfulness, Robustness  # noqa: E402
from fastxai.explainer import RISE, GradCAM, Gradient, Occlusion, RISEPlus  # noqa: E402
from fastxai.models import RISE as MODEL_RISE  # noqa: E402
from fastxai.tool.cv import OoDNet  # noqa: E402
from tests._networks import SmallConv  # noqa: E402
from tests.models._onnx import SHAPE, linear, write_linear  # noqa: E402

IMAGE = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)


def test_rise_takes_a_function_and_gives_a_tensor_for_a_tensor():
    rise = RISE(linear, nn.Softmax(), num_masks=64, seed=2)
    maps = rise(ms.Tensor(IMAGE), 3)
    assert isinstance(maps, ms.Tensor)
    expected = MODEL_RISE(linear, "softmax", num_masks=64, seed=2)(IMAGE, 3)
    assert isinstance(expected, np.ndarray)
    np.testing.assert_allclose(maps.asnumpy(), expected, atol=1e-6)
    assert rise.network is linear


def test_occlusion_takes_a_file(tmp_path):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"))
    maps = Occlusion(model, "softmax", window=2)(IMAGE, 1)
    np.testing.assert_allclose(maps, Occlusion(linear, "softmax", window=2)(IMAGE, 1), atol=1e-5)


def test_a_cell_as_a_function_has_the_map_of_the_cell():
    network = SmallConv()
    network.set_train(False)
    settings = {"num_masks": 64, "seed": 2}
    expected = RISE(network, nn.Softmax(), **settings)(ms.Tensor(IMAGE), 1).asnumpy()
    maps = RISE(lambda batch: network(ms.Tensor(batch)), "softmax", **settings)(IMAGE, 1)
    np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_explainers_that_need_gradients_name_those_that_do_not(tmp_path):
    model = fastxai.load(write_linear(tmp_path / "net.onnx"))
    for make in (lambda: Gradient(model), lambda: GradCAM(model, "layer")):
        with pytest.raises(TypeError, match="got FileModel: only RISE and Occlusion explain files"):
            make()
    ood_net = OoDNet.__new__(OoDNet)
    with pytest.raises(TypeError, match="an nn.Cell, got function: only RISE and Occlusion"):
        RISEPlus(ood_net, linear, None)


def test_an_engine_is_for_cells_alone():
    with pytest.raises(ValueError, match=r"`engine` and `precision` are for MindSpore networks"):
        RISE(linear, None, engine="openvino")


@pytest.mark.parametrize("metric", ["NaiveFaithfulness", "DeletionAUC", "InsertionAUC"])
def test_a_function_is_as_faithful_as_the_cell_that_it_calls(metric):
    network, image = SmallConv(), ms.Tensor(IMAGE)
    network.set_train(False)
    saliency = ms.Tensor(np.abs(IMAGE).sum(axis=1, keepdims=True))
    faithfulness = Faithfulness(5, nn.Softmax(), metric)
    of_cell = Occlusion(network, nn.Softmax(), window=2)
    of_function = Occlusion(lambda batch: network(ms.Tensor(batch)), "softmax", window=2)
    expected = faithfulness.evaluate(of_cell, image, 1, saliency)
    np.testing.assert_allclose(faithfulness.evaluate(of_function, image, 1, saliency), expected)
    if metric == "DeletionAUC":
        found = faithfulness.evaluate(of_function, image, 1)
        np.testing.assert_allclose(found, faithfulness.evaluate(of_cell, image, 1), rtol=1e-4)


def test_other_benchmarks_take_functions():
    explainer = Occlusion(linear, "softmax", window=2)
    for result in (
        Robustness(4, nn.Softmax(), seed=0).evaluate(explainer, ms.Tensor(IMAGE), 1),
        ClassSensitivity().evaluate(explainer, ms.Tensor(IMAGE)),
    ):
        assert 0 <= result[0] <= 1
    with pytest.raises(ValueError, match="`engine` and `precision` are for MindSpore networks"):
        Faithfulness(4, None, engine="mindspore").evaluate(explainer, ms.Tensor(IMAGE), 1)
