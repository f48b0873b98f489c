"""Scores that users choose, against values by hand."""

import numpy as np
import pytest

from fastxai.models import RISE, Callable, Occlusion
from fastxai.models.scores import (
    ClassScore,
    Margin,
    MaskMean,
    NegativeClass,
    Similarity,
    Value,
)
from tests.models._onnx import SHAPE, linear

IMAGE = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
ROWS = np.array([[1.0, 4.0, 2.0], [3.0, 0.0, -1.0]], np.float32)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (ClassScore(2), [[2.0], [-1.0]]),
        (NegativeClass(2), [[-2.0], [1.0]]),
        (Margin(1), [[2.0], [-3.0]]),
        (Margin(1, 0), [[3.0], [-3.0]]),
        (Margin(0), [[-3.0], [3.0]]),
        (Value(), [[1.0], [3.0]]),
        (Similarity([0.0, 2.0, 0.0]), [[4 / 21**0.5], [0.0]]),
        (Similarity(np.eye(3)[:2]), [[1 / 21**0.5, 4 / 21**0.5], [3 / 10**0.5, 0.0]]),
    ],
    ids=repr,
)
def test_values_by_hand(score, expected):
    np.testing.assert_allclose(score(ROWS), expected, rtol=1e-6)


def test_mean_over_a_region_by_hand():
    outputs = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    region = np.zeros((3, 4), bool)
    region[1, 1:3] = True
    np.testing.assert_allclose(MaskMean(region, 1)(outputs), [[17.5]])  # of 17 and 18
    with pytest.raises(ValueError, match=r"MaskMean: .*\(3, 4\)"):
        MaskMean(region, 1)(outputs[:, :, :2])


def test_maps_follow_the_score():
    """RISE is linear in the scores: the map of a difference is the difference of the maps."""
    settings = {"num_masks": 128, "seed": 2}
    maps = RISE(linear, **settings)(IMAGE, [[0, 2]])[0]
    of_margin = RISE(linear, score=Margin(0, 2), **settings)(IMAGE)
    np.testing.assert_allclose(of_margin[0, 0], maps[0] - maps[1], atol=1e-5)
    of_index = RISE(linear, score=2, **settings)(IMAGE)
    np.testing.assert_allclose(of_index[0, 0], maps[1], atol=1e-6)


def test_targets_are_columns_of_the_score():
    rise = RISE(linear, score=lambda rows: rows[:, [3, 1]], num_masks=128, seed=2)
    maps = rise(np.repeat(IMAGE, 2, axis=0))
    assert rise.last_targets.tolist() == [[0, 1], [0, 1]]
    expected = RISE(linear, num_masks=128, seed=2)(IMAGE, [[3, 1]])
    np.testing.assert_allclose(maps[:1], expected, atol=1e-6)
    np.testing.assert_allclose(rise(IMAGE, 1)[0, 0], expected[0, 1], atol=1e-6)
    with pytest.raises(ValueError, match=r"in \[0, 2\), got 2"):
        rise(IMAGE, 2)


def test_the_activation_comes_before_the_score():
    explained = Occlusion(linear, "softmax", window=2, score=NegativeClass(1))(IMAGE)
    expected = Occlusion(linear, "softmax", window=2)(IMAGE, 1)
    np.testing.assert_allclose(explained, expected, atol=1e-6)  # the map is of absolute drops


def test_wrong_scores_are_errors_in_words():
    for score, error, words in [
        ("cat", TypeError, "`score` must be a class index"),
        (Margin, TypeError, "the class Margin"),
        (-1, ValueError, "label"),
        (7, ValueError, "4 scores, got 7"),
        (lambda rows: rows[:1, 0], ValueError, r"\(M, T\) scores for M images"),
        (lambda rows: "a", TypeError, "`score` must return an array of numbers"),
        (Similarity(np.ones(5)), ValueError, "have 4 values and `references` 5"),
    ]:
        with pytest.raises(error, match=words):
            RISE(linear, num_masks=8, score=score)(IMAGE)


def test_a_state_knows_the_score(tmp_path):
    state, model = tmp_path / "run.npz", Callable(linear, identity="linear")
    RISE(model, num_masks=8, seed=1, score=Margin(1))(IMAGE, state=state)
    with pytest.raises(ValueError, match="another"):
        RISE(model, num_masks=8, seed=1, score=Margin(2))(IMAGE, state=state)
    with pytest.raises(ValueError, match="what `score` computes"):
        RISE(model, num_masks=8, seed=1, score=lambda rows: rows)(IMAGE, state=tmp_path / "b.npz")
