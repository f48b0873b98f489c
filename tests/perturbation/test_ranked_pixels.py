"""Deletion and insertion curves against copies that are made by hand."""

import numpy as np
import pytest

from fastxai.perturbation.ranked_pixels import curves_of

IMAGE = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
MAP = np.random.default_rng(1).permutation(20).reshape(4, 5).astype(np.float32)
WEIGHTS = np.random.default_rng(2).normal(size=(3, 4, 5))


def score(batch):
    """A score that is not linear in the pixels."""
    return np.tanh((batch * WEIGHTS).sum(axis=(1, 2, 3)) / 5)


def covered(count, shown=False):
    """The image with the `count` pixels of the largest values zero, or all but those."""
    most = 20 - count <= MAP  # the values are 0 .. 19
    return np.where(most if shown else ~most, IMAGE, 0)


@pytest.mark.parametrize("points", [1, 4, 20])
def test_curves_are_scores_of_copies_made_by_hand(points):
    found = curves_of(IMAGE, MAP, np.zeros(3, np.float32), score, points)
    counts = [20 * step // points for step in range(points + 1)]
    deleted = np.array([covered(count) for count in counts])
    inserted = np.array([covered(count, shown=True) for count in counts])
    np.testing.assert_allclose(found.deletion, score(deleted), rtol=1e-12)
    np.testing.assert_allclose(found.insertion, score(inserted), rtol=1e-12)


def test_more_points_than_pixels_repeat_scores():
    found = curves_of(IMAGE, MAP, np.zeros(3, np.float32), score, points=40)
    assert len(found.deletion) == 41
    assert found.deletion[-1] == found.insertion[0] == 0
    assert found.deletion[0] == found.insertion[-1] == score(IMAGE[None])[0]


def test_base_may_be_a_picture():
    base = np.full((3, 4, 5), 2, np.float32)
    found = curves_of(IMAGE, MAP, base, score, points=2)
    half = np.where(MAP >= 10, base, IMAGE)
    assert found.deletion[1] == pytest.approx(score(half[None])[0], rel=1e-12)


def test_equal_pixels_are_taken_row_by_row():
    found = curves_of(IMAGE, np.zeros((4, 5)), np.zeros(3, np.float32), score, points=4)
    first = IMAGE.copy()
    first[:, 0] = 0
    assert found.deletion[1] == pytest.approx(score(first[None])[0], rel=1e-12)
