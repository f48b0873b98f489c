"""Pictures of maps in which few pixels are far larger than all others."""

import numpy as np
import pytest

from fastxai.explainer import Explanation
from fastxai.visual.cv import (
    normalize_saliency,
    saliency_to_image,
    saliency_to_rgba,
    uncertainty_to_image,
)
from fastxai.visual.cv.display import to_images


def gray(values):
    """A colour map without matplotlib."""
    return np.stack([values, values, values], axis=-1)


def photo_like(dtype=np.float64):
    """101 values 0, 1, ..., 99 and 10000 in a row: their 99th percentile is 99."""
    values = np.arange(101.0)
    values[100] = 1e4
    return values[None].astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_larger_values_become_one_and_the_others_keep_their_proportions(dtype):
    values = photo_like(dtype)
    # Above the minimum 0 there are 100 values; the 99th percentile lies at 0.99 of 99 steps:
    # between 99 and 10000, 0.01 of the way.
    cut = 99 + 0.01 * (1e4 - 99)
    expected = np.minimum(np.arange(101.0), cut) / cut
    expected[100] = 1
    found = normalize_saliency(values, clip_percentile=99)
    np.testing.assert_allclose(found[0], expected, rtol=1e-3 if dtype == "float16" else 1e-6)
    assert found.dtype == ("float64" if dtype == "float64" else "float32")
    assert found.max() == 1
    median = normalize_saliency(values, clip_percentile=50)[0]
    np.testing.assert_allclose(median, np.minimum(np.arange(101) / 50.5, 1), rtol=1e-3)


@pytest.mark.parametrize("scale", [1.0, -1.0, 1e-30, 1e300])
@pytest.mark.parametrize("offset", [0.0, -7.0])
def test_the_picture_does_not_depend_on_unit_and_origin(scale, offset):
    values = np.random.default_rng(0).normal(size=(9, 7))
    moved = (values + offset) * abs(scale)
    expected = normalize_saliency(values, clip_percentile=90)
    found = normalize_saliency(moved, clip_percentile=90)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    by_hand = values - values.min()
    by_hand = np.minimum(by_hand / np.percentile(by_hand[by_hand > 0], 90), 1)
    np.testing.assert_allclose(expected, by_hand, atol=1e-12)


@pytest.mark.parametrize("percentile", [1e-9, 1, 50, 99, 99.9, 100])
def test_a_few_pixels_on_zeros_stay(percentile):
    values = np.zeros((50, 50))
    values[3, 4:7] = 2, 3, 4
    found = normalize_saliency(values, clip_percentile=percentile)
    assert (found[3, 4:7] > 0).all()
    assert found.max() == 1
    assert (found > 0).sum() == 3


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((3, 3)),
        np.full((3, 3), 5.0),
        np.array([[0.0, np.nan, 1.0]]),
        np.array([[0.0, np.inf, 1.0]]),
    ],
)
def test_a_map_that_is_not_stretched_stays_as_it_is(values):
    np.testing.assert_array_equal(normalize_saliency(values, clip_percentile=99), values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_values_overflow_nowhere(dtype):
    info = np.finfo(dtype)
    values = np.array([[-info.max, 0, info.max / 2, info.max]], dtype)
    found = normalize_saliency(values, clip_percentile=50)
    np.testing.assert_allclose(found, [[0, 2 / 3, 1, 1]], rtol=1e-6)
    tiny = np.array([[0, info.smallest_subnormal, 1]], dtype)
    found = normalize_saliency(tiny, clip_percentile=1e-12)
    assert found.min() == 0 < found[0, 1] < found[0, 2] == 1


def test_a_hundred_is_the_maximum_and_the_default():
    values = photo_like()
    plain = normalize_saliency(values)
    np.testing.assert_array_equal(normalize_saliency(values, clip_percentile=100), plain)
    np.testing.assert_array_equal(normalize_saliency(values, clip_percentile=None), plain)


def test_every_picture_is_clipped_alike():
    values = photo_like()
    stretched = normalize_saliency(values, clip_percentile=np.float32(95))
    bytes_of = np.floor(stretched * 255)
    rgba = saliency_to_rgba(values, gray, clip_percentile=95)
    np.testing.assert_array_equal(rgba[..., 0], bytes_of)
    np.testing.assert_array_equal(rgba[..., 3], np.floor(np.minimum(1.2 * stretched, 1) * 255))
    picture = saliency_to_image(values, cm=gray, clip_percentile=95)
    np.testing.assert_array_equal(np.asarray(picture)[..., 0], bytes_of)
    painted = saliency_to_image(values, clip_percentile=95).tobytes()
    maps = np.stack([values, 3 * values])[None].astype(np.float32)
    assert [each.tobytes() for each in to_images(maps, clip_percentile=95)[0]] == [painted] * 2
    held = Explanation("RISE", maps, np.zeros((1, 2), int), np.ones(1, int), "mindspore", "", 1.0)
    assert held.to_image(clip_percentile=95)[0][1].tobytes() == painted
    assert held.to_image()[0][1].tobytes() == saliency_to_image(values).tobytes() != painted


def test_an_error_bar_is_shown_against_the_clipped_range():
    values = photo_like()
    errors = np.full_like(values, 10.0)
    cut = np.percentile(np.arange(1, 101), 90)  # the outlier is not reached: ranks alone count
    picture = uncertainty_to_image(errors, values, cm=gray, clip_percentile=90)
    assert set(np.asarray(picture)[..., 0].ravel()) == {int(2 * 10 / cut * 255)}
    assert np.asarray(uncertainty_to_image(errors, values, cm=gray)).max() == 0


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (0, ValueError, r"must be in \(0, 100\], got 0"),
        (-1.0, ValueError, r"must be in \(0, 100\], got -1.0"),
        (100.5, ValueError, r"must be in \(0, 100\], got 100.5"),
        (float("nan"), ValueError, r"must be in \(0, 100\], got nan"),
        ("99", TypeError, r"must be a number or None, got '99' \(str\)"),
        (True, TypeError, r"must be a number or None, got True \(bool\)"),
        (np.array([99.0]), TypeError, "must be a number or None, got array"),
        (99j, TypeError, "must be a number or None, got 99j"),
    ],
)
@pytest.mark.parametrize(
    "paint",
    [
        normalize_saliency,
        saliency_to_rgba,
        saliency_to_image,
        lambda values, **how: uncertainty_to_image(values, values, **how),
        lambda values, **how: to_images(values[None, None], **how),
    ],
)
def test_wrong_percentiles_are_refused(paint, value, kind, words):
    with pytest.raises(kind, match=f": `clip_percentile` {words}"):
        paint(photo_like(), clip_percentile=value)


@pytest.mark.parametrize("paint", [saliency_to_rgba, saliency_to_image])
def test_it_is_refused_where_nothing_is_stretched(paint):
    with pytest.raises(ValueError, match="`clip_percentile` 99 says .* `normalize` False"):
        paint(photo_like(), normalize=False, clip_percentile=99)
