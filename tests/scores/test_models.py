"""Scores over functions, and their values by hand."""

import numpy as np
import pytest

from fastxai import models
from fastxai.scores import ClassScore, Margin, MaskMean, NegativeClass, Similarity, Value
from tests.scores._contract import WEIGHT, ScoreContract, outputs

ROWS = np.array([[1.0, 4.0, 2.0], [3.0, 0.0, -1.0]], np.float32)


class TestFunctions(ScoreContract):
    def explainer(self, kind, activation, **settings):
        model = models.Callable(outputs, identity=f"{WEIGHT}")
        return getattr(models, kind)(model, activation, **settings)


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (ClassScore(2), [[2.0], [-1.0]]),
        (NegativeClass(2), [[-2.0], [1.0]]),
        (Margin(1), [[2.0], [-3.0]]),
        (Margin(1, 0), [[3.0], [-3.0]]),
        (Margin(0), [[-3.0], [3.0]]),
        (ClassScore(), ROWS),
        (NegativeClass(), -ROWS),
        (Margin(), [[-3.0, 2.0, -2.0], [3.0, -3.0, -4.0]]),
        (Margin(other=1), [[-3.0, 0.0, -2.0], [3.0, 0.0, -1.0]]),
        (Value(), [[1.0], [3.0]]),
        (Similarity([0.0, 2.0, 0.0]), [[4 / 21**0.5], [0.0]]),
        (Similarity(np.eye(3)[:2]), [[1 / 21**0.5, 4 / 21**0.5], [3 / 10**0.5, 0.0]]),
    ],
    ids=repr,
)
def test_values_by_hand(score, expected):
    np.testing.assert_allclose(score(ROWS), expected, rtol=1e-6)


def test_mean_over_a_region_by_hand():
    found = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    region = np.zeros((3, 4), bool)
    region[1, 1:3] = True
    np.testing.assert_allclose(MaskMean(region, 1)(found), [[17.5]])  # of 17 and 18


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Similarity([0.0, 0.0]), "Similarity: `references` must be .* no row all zeros"),
        (lambda: Similarity([[1.0], [1.0, 2.0]]), "Similarity: `references` must be rows of one"),
        (lambda: MaskMean(np.zeros((2, 2)), 0), r"MaskMean: `region` must be \(h, w\).* not all 0"),
        (lambda: Margin(1.5), "Margin: `label` must be an int"),
        (lambda: Margin(0)(ROWS[:, :1]), "Margin: the network must have two classes or more"),
    ],
)
def test_wrong_arguments_are_errors_in_words(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()
