"""Explainers whose masked pixels show a picture, in both modes and on engines."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.benchmark import Faithfulness
from fastxai.explainer import RISE, Occlusion
from fastxai.ops import MaskSpec, masked_product, select_device_ops
from fastxai.perturbation.run_state import StateError

SIZE = (12, 10)
IMAGE = np.random.default_rng(3).normal(size=(3, *SIZE)).astype(np.float32)
PICTURE = np.random.default_rng(4).normal(size=(3, *SIZE)).astype(np.float32)
INPUTS = ms.Tensor(IMAGE[None])
WEIGHTS = np.random.default_rng(5).normal(size=(2, 360)).astype(np.float32)


@pytest.fixture
def network():
    dense = nn.Dense(360, 2, has_bias=False)
    dense.weight.set_data(ms.Tensor(WEIGHTS))
    return nn.SequentialCell(nn.Flatten(), dense)


@pytest.fixture(params=[ms.PYNATIVE_MODE, ms.GRAPH_MODE], ids=["pynative", "graph"])
def mode(request):
    before = ms.get_context("mode")
    ms.set_context(mode=request.param)
    yield
    ms.set_context(mode=before)


def scores_of(batch):
    return batch.reshape(len(batch), -1).astype(np.float64) @ WEIGHTS[1]


def rise_by_hand(base):
    spec = MaskSpec(7, SIZE, (10, 10), 0.5, (11, 11), "iid")
    masks = masked_product(np.ones((1, *SIZE), np.float32), spec, 0, 60).astype(np.float64)
    scores = scores_of(IMAGE * masks + base * (1 - masks))
    return np.einsum("m,myx->yx", scores, masks[:, 0]) / 60


@pytest.mark.parametrize("engine", ["mindspore", "openvino", "onnxruntime"])
def test_rise_is_the_formula_over_a_picture(mode, network, engine):
    if engine != "mindspore":
        pytest.importorskip(engine)
    rise = RISE(
        network, None, num_masks=60, seed=7, estimator="plain", design="iid",
        base_value=ms.Tensor(PICTURE), engine=engine,
    )  # fmt: skip
    got = rise(INPUTS, 1).asnumpy()[0, 0]
    np.testing.assert_allclose(got, rise_by_hand(PICTURE), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("made_by", ["host", "mindspore"])
def test_occlusion_is_the_formula_over_a_picture(mode, network, made_by):
    select_device_ops(made_by)
    try:
        occlusion = Occlusion(network, None, window=(4, 5), base_value=PICTURE, engine="mindspore")
        got = occlusion(INPUTS, 1).asnumpy()[0, 0]
    finally:
        select_device_ops("auto")
    covered = IMAGE.copy()
    covered[:, 4:8, 5:10] = PICTURE[:, 4:8, 5:10]
    drop = (scores_of(IMAGE[None]) - scores_of(covered[None]))[0]
    np.testing.assert_allclose(got[4:8, 5:10], abs(drop) / 2, rtol=1e-4)


def test_the_mean_is_each_images_own(network):
    images = np.stack([IMAGE, 2 * IMAGE + 1])
    rise = RISE(network, None, num_masks=60, seed=7, base_value="mean")
    both = rise(ms.Tensor(images), 1).asnumpy()
    alone = rise(ms.Tensor(images[1:]), 1).asnumpy()
    np.testing.assert_array_equal(both[1:], alone)


def test_a_state_of_another_picture_is_refused(network, tmp_path):
    path = tmp_path / "run.state"
    make = lambda base: RISE(network, None, num_masks=60, seed=7, base_value=base)  # noqa: E731
    first = make(PICTURE)(INPUTS, 1, state=path).asnumpy()
    np.testing.assert_array_equal(make(PICTURE)(INPUTS, 1, state=path).asnumpy(), first)
    for other in (PICTURE + 1, "blur", "blur:2", 0.0):
        with pytest.raises(StateError, match="base_value"):
            make(other)(INPUTS, 1, state=path)


def test_an_unknown_word_is_refused_when_the_explainer_is_made(network):
    for kind in (RISE, Occlusion):
        with pytest.raises(ValueError, match="`base_value` must be 'blur'"):
            kind(network, None, base_value="grey")
        with pytest.raises(TypeError, match="`base`; the argument is `base_value`"):
            kind(network, None, base="blur")


def test_insertion_shows_pixels_on_the_base(network):
    """Of a linear network: the pixels of the steps, each worth what it changes of the score."""
    saliency = np.random.default_rng(6).permutation(120).reshape(1, 1, *SIZE).astype(np.float32)
    metric = Faithfulness(2, None, "InsertionAUC", base_value=PICTURE)
    rise = RISE(network, None, num_masks=60, seed=7)
    (got,) = metric.evaluate(rise, INPUTS, 1, ms.Tensor(saliency))
    order = np.argsort(-saliency.ravel())
    worth = ((IMAGE - PICTURE).astype(np.float64) * WEIGHTS[1].reshape(3, *SIZE)).sum(axis=0)
    gains = [worth.ravel()[order[: 6 * step]].sum() for step in range(2, 10)]  # 10 steps of 6
    np.testing.assert_allclose(got, (1 + sum(gains) / 10) / 2, rtol=1e-4)
