"""Functions as models: what they may return, how they may fail, and what is said of it."""

import logging

import numpy as np
import pytest

from fastxai.models import RISE, Callable, Occlusion
from tests.models._onnx import SHAPE, linear

IMAGE = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)


def test_occlusion_of_a_linear_function_by_hand():
    """With windows side by side the map is half the drop, here |sum of weight times pixel| / 2."""
    maps = Occlusion(linear, window=2)(IMAGE, 3)
    table = np.linalg.lstsq(np.eye(240), linear(np.eye(240).reshape(-1, *SHAPE)), rcond=None)[0]
    parts = (table[:, 3].reshape(SHAPE) * IMAGE[0]).sum(axis=0)
    drops = np.abs(parts.reshape(4, 2, 5, 2).sum(axis=(1, 3))) / 2
    np.testing.assert_allclose(maps[0, 0], np.kron(drops, np.ones((2, 2))), atol=1e-5)


@pytest.mark.parametrize("most", [1, 7, 64])
def test_same_seed_same_map_for_any_batch_size(most):
    maps = RISE(linear, "softmax", most, num_masks=128, seed=4)(IMAGE, 1)
    expected = RISE(linear, "softmax", 32, num_masks=128, seed=4)(IMAGE, 1)
    np.testing.assert_allclose(maps, expected, atol=1e-6)


@pytest.mark.parametrize(
    "form",
    [
        lambda batch: linear(batch).tolist(),
        lambda batch: linear(batch).astype(np.float64),
        lambda batch: linear(batch)[:, :, None, None] * np.ones((1, 1, 2, 3)),
    ],
    ids=["list", "float64", "dense"],
)
def test_scores_in_any_form(form):
    settings = {"num_masks": 64, "seed": 4}
    expected = RISE(linear, "softmax", **settings)(IMAGE, 1)
    np.testing.assert_allclose(RISE(form, "softmax", **settings)(IMAGE, 1), expected, atol=1e-6)


def test_what_is_no_array_is_an_error_with_the_line_that_makes_one():
    for wrong, line in ((IMAGE.tolist(), r"np\.asarray\(inputs, np\.float32\)"), ("a.jpg", "")):
        kind = type(wrong).__name__
        with pytest.raises(TypeError, match=f"`inputs` must be an array, got {kind}.*{line}"):
            RISE(linear, num_masks=8)(wrong, 0)


def test_channels_last_are_warned_of_where_a_function_takes_anything():
    photograph = np.random.default_rng(0).normal(size=(1, 32, 48, 3))
    with pytest.warns(UserWarning, match=r"If they are \(N, H, W, C\), use inputs.transpose"):
        RISE(lambda batch: batch.mean((2, 3)), num_masks=8, seed=0)(photograph, 0)


def test_scores_that_no_mask_moves_are_told_of(caplog):
    with caplog.at_level(logging.WARNING, "fastxai"):
        RISE(lambda batch: np.ones((len(batch), 4)), num_masks=64, seed=0)(IMAGE, 2)
    assert "all 64 masks give the same score for class 2" in caplog.text


def test_the_top_class_is_explained_without_targets():
    rise = RISE(linear, num_masks=64, seed=4)
    rise(IMAGE)
    assert rise.last_targets.tolist() == [[int(linear(IMAGE)[0].argmax())]]


@pytest.mark.parametrize(
    ("function", "error", "words"),
    [
        (lambda batch: linear(batch)[:-1], ValueError, r"\(M, \.\.\.\) for M images, got shape"),
        (lambda batch: 3.0, ValueError, r"got shape \(\)"),
        (lambda batch: None, TypeError, "an array of numbers"),
        (lambda batch: ["a"] * len(batch), TypeError, "an array of numbers"),
        (lambda batch: [[1.0], [1.0, 2.0]], ValueError, "ragged"),
        (lambda batch: (linear(batch), 1), TypeError, "a tuple of 2.*output=0"),
        (lambda batch: linear(batch) * np.nan, ValueError, "not finite"),
        (lambda batch: np.zeros((len(batch), 0)), ValueError, "got shape"),
    ],
)
def test_wrong_outputs_are_errors_in_words(function, error, words):
    with pytest.raises(error, match=rf"RISE: .*{words}"):
        RISE(function, num_masks=8)(IMAGE, 0)


def test_what_is_no_model_is_an_error_in_words():
    for wrong in (3, dict, "net.onnx"):
        with pytest.raises(TypeError, match="must be a model"):
            RISE(wrong)


def test_a_function_is_tried_again_as_often_as_it_may(caplog):
    calls = []

    def shaky(batch):
        calls.append(len(batch))
        if len(calls) % 3:
            batch[:] = 0  # what it did before it failed must not count
            raise ConnectionError("no route")
        return linear(batch)

    model = Callable(shaky, retries=2, wait=0)
    with caplog.at_level(logging.WARNING, "fastxai"):
        maps = RISE(model, num_masks=64, seed=4)(IMAGE, 1)
    np.testing.assert_array_equal(maps, RISE(linear, num_masks=64, seed=4)(IMAGE, 1))
    assert "retry 2 of 2" in caplog.text
    with pytest.raises(ConnectionError, match="no route"):
        RISE(Callable(shaky, retries=1, wait=0), num_masks=64)(IMAGE, 1)


def test_a_function_gets_no_more_images_than_it_takes():
    sizes = []

    def small(batch):
        sizes.append(len(batch))
        return linear(batch)

    maps = RISE(Callable(small, batch_size=5), num_masks=64, seed=4)(IMAGE, 1)
    assert max(sizes) == 5
    np.testing.assert_allclose(maps, RISE(linear, num_masks=64, seed=4)(IMAGE, 1), atol=1e-6)


def test_a_function_that_does_not_repeat_itself_is_said_to():
    rng = np.random.default_rng(0)
    with pytest.warns(UserWarning, match="RISE: `network` returns other outputs for the same"):
        RISE(lambda batch: linear(batch) + rng.normal(), num_masks=8)(IMAGE, 1)


def test_a_state_needs_an_identity(tmp_path):
    state = tmp_path / "run.npz"
    with pytest.raises(ValueError, match=r"RISE: `state` and data sets need .*identity="):
        RISE(linear, num_masks=8, seed=1)(IMAGE, 0, state=state)
    model = Callable(linear, identity="linear 1")
    maps = RISE(model, num_masks=8, seed=1)(IMAGE, 0, state=state)
    np.testing.assert_array_equal(RISE(model, num_masks=8, seed=1)(IMAGE, 0, state=state), maps)
    with pytest.raises(ValueError, match="another"):
        RISE(Callable(linear, identity="linear 2"), num_masks=8, seed=1)(IMAGE, 0, state=state)


def test_auto_stops_where_the_map_is_sure():
    found = RISE(linear, num_masks="auto", tol=0.9, seed=1)(IMAGE, 1, "result")
    assert 512 <= found.num_masks[0] < 8192
    assert found.correlation[0, 0] >= 0.9
