"""The picture of an error bar."""

import numpy as np
import pytest
from PIL import Image

from fastxai.visual.cv import saliency_to_image, uncertainty_to_image

SALIENCY = np.array([[0.1, 0.3, 0.5], [0.2, 0.2, 0.5]], np.float32)  # a range of 0.4
ERRORS = np.array([[0.0, 0.05, 0.1], [0.2, 0.4, 0.1]], np.float32)
SHARES = np.array([[0.0, 0.25, 0.5], [1.0, 1.0, 0.5]], np.float32)  # two of them, against it


def red(values):
    """A colour map whose red is the value."""
    return np.stack([values, 0 * values, 0 * values], axis=-1)


def test_two_standard_errors_are_shown_against_the_range_of_the_map():
    picture = uncertainty_to_image(ERRORS, SALIENCY, cm=red)
    assert (picture.mode, picture.size) == ("RGB", (3, 2))
    np.testing.assert_array_equal(np.asarray(picture)[..., 0], [[0, 63, 127], [255, 255, 127]])


def test_it_is_transparent_where_the_map_is_sure():
    photo = Image.new("RGB", (3, 2), (0, 0, 200))
    picture = np.asarray(uncertainty_to_image(ERRORS, SALIENCY, photo, red))
    assert picture[0, 0].tolist() == [0, 0, 200]
    assert picture[1, 1].tolist() == [255, 0, 0]
    alone = uncertainty_to_image(ERRORS, SALIENCY, with_alpha=True)
    expected = saliency_to_image(SHARES, normalize=False, with_alpha=True)
    np.testing.assert_allclose(np.asarray(alone, int), np.asarray(expected, int), atol=1)


def test_in_a_constant_map_every_error_is_the_whole_range():
    flat = np.full((2, 2), 0.3)
    picture = uncertainty_to_image(np.array([[0.0, 1e-9], [0.1, 1.0]]), flat, cm=red)
    np.testing.assert_array_equal(np.asarray(picture)[..., 0], [[0, 255], [255, 255]])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((ERRORS[:1], SALIENCY), ValueError, r"of the shape of `saliency`, \(2, 3\), got \(1, 3\)"),
        ((-ERRORS, SALIENCY), ValueError, "`standard_error` must be 0 or more, got -0.4"),
        ((None, SALIENCY), TypeError, "`standard_error` must be a Tensor or a numpy.ndarray"),
        ((ERRORS, [1.0]), TypeError, "`saliency` must be a Tensor or a numpy.ndarray, got list"),
        ((ERRORS.astype(int), SALIENCY), ValueError, "`standard_error` must be float16"),
        ((ERRORS, SALIENCY, "photo"), TypeError, "`original` must be a PIL.Image.Image or None"),
    ],
)
def test_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        uncertainty_to_image(*arguments)
