"""Occlusion against its formula."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import Occlusion
from tests import _networks as networks
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def formula(image, weight, target, window, strides, base=0.0):
    """|sum of drops of the windows over a pixel / (1 + their number)|, window by window."""

    def score(x):
        return softmax(x.reshape(1, -1).astype(np.float64) @ weight.T.astype(np.float64))[0, target]

    rows, cols = image.shape[1:]
    total, number = np.zeros((rows, cols)), np.ones((rows, cols))
    for top in range(0, rows - window[0] + 1, strides[0]):
        for left in range(0, cols - window[1] + 1, strides[1]):
            covered = image.copy()
            covered[:, top : top + window[0], left : left + window[1]] = base
            inside = np.s_[top : top + window[0], left : left + window[1]]
            total[inside] += score(image) - score(covered)
            number[inside] += 1
    return np.abs(total / number)


CASES = [  # image size, window and stride by the default rule: v // 32 if v > 32 else 3 and 1
    ((12, 9), (3, 3), (1, 1)),
    ((32, 33), (3, 1), (1, 1)),
    ((70, 40), (2, 1), (2, 1)),
    ((100, 5), (3, 3), (3, 1)),
]


@pytest.mark.parametrize(("size", "window", "strides"), CASES, ids=str)
def test_equals_the_formula_with_the_default_windows(mode, size, window, strides):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, 2, *size)).astype(np.float32)
    weight = rng.normal(0, 0.3, (3, 2 * size[0] * size[1])).astype(np.float32)
    occlusion = Occlusion(networks.Linear(weight), nn.Softmax(), 100)
    saliency = occlusion(ms.Tensor(image), 1).asnumpy()
    assert saliency.dtype == np.float32
    assert_close(saliency[0, 0], formula(image[0], weight, 1, window, strides), atol=MAP_ATOL)


IMAGES = np.random.default_rng(0).normal(size=(2, 3, 23, 17)).astype(np.float32)
WEIGHT = np.random.default_rng(1).normal(0, 0.3, (4, 3 * 23 * 17)).astype(np.float32)


@pytest.mark.parametrize(
    ("options", "window", "strides"),
    [
        ({"window": 5}, (5, 5), (5, 5)),
        ({"window": (4, 6), "strides": 2}, (4, 6), (2, 2)),
        ({"window": (23, 17), "strides": (3, 1)}, (23, 17), (3, 1)),
        ({"window": 2, "strides": (7, 5), "base_value": 0.4}, (2, 2), (7, 5)),
        ({"strides": 4}, (3, 3), (4, 4)),
        ({"window": "auto"}, (3, 3), (1, 1)),
        ({"window": "auto", "strides": 2}, (3, 3), (2, 2)),
    ],
    ids=str,
)
def test_equals_the_formula_with_windows_of_the_callers(mode, options, window, strides):
    occlusion = Occlusion(networks.Linear(WEIGHT), nn.Softmax(), **options)
    saliency = occlusion(ms.Tensor(IMAGES), [[0, 2], [1, 3]]).asnumpy()
    assert saliency.shape == (2, 2, 23, 17)
    for k, targets in enumerate([[0, 2], [1, 3]]):
        for j, target in enumerate(targets):
            base = options.get("base_value", 0.0)
            expected = formula(IMAGES[k], WEIGHT, target, window, strides, base)
            assert_close(saliency[k, j], expected, atol=MAP_ATOL)


def test_same_map_for_any_batch_size(mode):
    network, images = networks.SmallConv(), ms.Tensor(IMAGES[:, :, :8])
    expected = Occlusion(network, nn.Softmax(), 32)(images, [1, 2]).asnumpy()
    for per_eval in (1, 13, 64, 100000):
        other = Occlusion(network, nn.Softmax(), per_eval)(images, [1, 2]).asnumpy()
        assert_close(other, expected, atol=NETWORK_ATOL)


def test_one_image_alone_and_in_a_batch_give_the_same_map(mode):
    occlusion = Occlusion(networks.SmallConv(), nn.Softmax())
    together = occlusion(ms.Tensor(IMAGES), [2, 4]).asnumpy()
    alone = occlusion(ms.Tensor(IMAGES[1:]), 4).asnumpy()
    np.testing.assert_array_equal(alone[0], together[1])


def test_pixels_that_no_window_reaches_are_exactly_zero():
    images = np.random.default_rng(0).normal(size=(1, 1, 100, 33)).astype(np.float32)
    saliency = Occlusion(networks.Flat(), networks.Identity(), 500)(ms.Tensor(images), 0).asnumpy()
    assert (saliency[0, 0, 99] == 0.0).all()
    assert (saliency[0, 0, :99] > 0.0).any()


def test_images_smaller_than_the_window_are_refused():
    tiny = ms.Tensor(np.zeros((1, 3, 2, 8), np.float32))
    with pytest.raises(ValueError, match=r"window \(3, 3\) does not fit into images of \(2, 8\)"):
        Occlusion(networks.SmallConv(), nn.Softmax())(tiny, 0)
    assert Occlusion(networks.SmallConv(), nn.Softmax(), window=2)(tiny, 0).shape == (1, 1, 2, 8)


def test_scores_that_are_not_finite_are_refused_with_the_windows_range(mode):
    images = ms.Tensor(np.full((1, 1, 8, 8), 0.6, np.float32))
    occlusion = Occlusion(networks.LogScale(), networks.Identity(), 10, window=4, strides=1)
    with pytest.raises(ValueError, match=r"not finite for windows 0\.\.\d+"):
        occlusion(images, 0)


def test_a_float16_network_gets_float16_images(mode):
    images = ms.Tensor(np.random.default_rng(0).random((1, 3, 12, 12)).astype(np.float32))
    saliency = Occlusion(networks.Half(), nn.Softmax())(images, 1)
    assert saliency.dtype == ms.float32
    assert float(saliency.asnumpy().max()) > 0.0


def test_works_without_native_code(monkeypatch):
    expected = Occlusion(networks.SmallConv(), nn.Softmax())(ms.Tensor(IMAGES), 1).asnumpy()
    monkeypatch.setattr("fastxai.ops.native._module", None)
    monkeypatch.setattr("fastxai.ops.native._warned", True)
    saliency = Occlusion(networks.SmallConv(), nn.Softmax())(ms.Tensor(IMAGES), 1).asnumpy()
    assert_close(saliency, expected, atol=MAP_ATOL)


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"window": 0}, ValueError, "Occlusion: `window` must be in"),
        ({"window": "large"}, ValueError, "must be 'auto', 'patch', 'patch:16' or pixels, got"),
        ({"window": 2.0}, TypeError, "`window` must be an int or a pair"),
        ({"strides": (1, 0)}, ValueError, "`strides` must be in"),
        ({"base_value": None}, TypeError, "`base_value` must be a number"),
        ({"base_value": (0.0, 1.0)}, ValueError, "one per channel"),
    ],
)
def test_refuses(kwargs, error, words):
    with pytest.raises(error, match=words):
        Occlusion(networks.SmallConv(), nn.Softmax(), **kwargs)(ms.Tensor(IMAGES), 0)
