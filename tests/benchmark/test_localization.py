"""Localization against its definitions."""

import mindspore as ms
import numpy as np
import pytest

from fastxai.benchmark import Localization
from fastxai.explainer import Gradient
from tests import _networks as networks
from tests.benchmark._cases import IMAGE, MAP, SIZE

WIDE = (40, 64)


def evaluate(metric, saliency, mask):
    """A metric of a map and a mask (H, W)."""
    image = ms.Tensor(np.zeros((1, 3, *saliency.shape), np.float32))
    return Localization(5, metric).evaluate(
        Gradient(networks.SmallConv()),
        image,
        1,
        saliency=ms.Tensor(saliency[None, None].astype(np.float32)),
        mask=mask[None, None],
    )


def point(size, place):
    """A map or mask of one pixel."""
    array = np.zeros(size)
    array[place] = 1.0
    return array


@pytest.mark.parametrize(
    ("maximum", "pixel", "hit"),
    [
        ((4, 58), (4, 58), 1.0),
        ((4, 38), (38, 4), 0.0),  # the transposed place, where mindspore_xai looks
        ((20, 30), (34, 30), 1.0),  # 14 rows
        ((20, 30), (35, 30), 0.0),  # 15 rows: not less than 15
        ((20, 30), (20, 44), 1.0),
        ((20, 30), (20, 15), 0.0),
        ((20, 30), (29, 41), 1.0),  # sqrt(81 + 121) = 14.2
        ((20, 30), (29, 42), 0.0),  # sqrt(81 + 144) = 15
    ],
)
def test_pointing_game_measures_from_the_maximum_in_rows_and_columns(maximum, pixel, hit):
    result = evaluate("PointingGame", point(WIDE, maximum), point(WIDE, pixel))
    assert result.shape == (1,)
    assert result.dtype == np.float64
    assert result[0] == hit


def test_pointing_game_takes_the_first_of_equal_maxima():
    saliency = point(WIDE, (2, 2)) + point(WIDE, (39, 63))
    assert evaluate("PointingGame", saliency, point(WIDE, (0, 0))) == [1.0]
    assert evaluate("PointingGame", saliency, point(WIDE, (39, 60))) == [0.0]


def test_iosr_is_the_share_of_the_salient_pixels_on_the_object():
    saliency, mask = np.zeros((2, *WIDE))
    saliency[3, 5:9] = [1.0, 0.51, 0.5, 0.6]  # 0.5 is not above half
    mask[3, 6:8] = 1
    assert evaluate("IoSR", saliency, mask) == [1 / 3]


def test_iosr_equals_the_definition_on_random_maps():
    rng = np.random.default_rng(2)
    for _ in range(5):
        saliency = rng.normal(size=SIZE).astype(np.float32)
        mask = rng.random(SIZE) < 0.3
        salient = [place for place in np.ndindex(SIZE) if saliency[place] > 0.5 * saliency.max()]
        expected = sum(mask[place] for place in salient) / len(salient)
        assert evaluate("IoSR", saliency, mask) == [expected]


def test_iosr_without_a_salient_pixel_is_0():
    for saliency in (np.zeros(SIZE), np.full(SIZE, -2.0)):
        assert evaluate("IoSR", saliency, np.ones(SIZE)) == [0.0]


@pytest.mark.parametrize("metric", ["PointingGame", "IoSR"])
def test_a_mask_without_a_pixel_gives_0(metric):
    assert evaluate(metric, MAP[0, 0], np.zeros(SIZE)) == [0.0]


@pytest.mark.parametrize("metric", ["PointingGame", "IoSR"])
def test_explains_where_no_map_is_given(metric, mode):
    network = networks.SmallConv()
    explainer = Gradient(network)
    mask = np.zeros((1, 1, *SIZE), bool)
    mask[..., :7] = True
    localization = Localization(5, metric)
    saliency = explainer(ms.Tensor(IMAGE), 3)
    given = localization.evaluate(explainer, ms.Tensor(IMAGE), 3, saliency, mask)
    made = localization.evaluate(explainer, ms.Tensor(IMAGE), 3, mask=ms.Tensor(mask))
    np.testing.assert_array_equal(made, given)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_masks_of_any_dtype_as_arrays_and_tensors(dtype):
    mask = (MAP > 0.3).astype(dtype) * np.array(3, dtype)
    results = [
        Localization(5, "IoSR").evaluate(
            Gradient(networks.SmallConv()), ms.Tensor(IMAGE), 1, ms.Tensor(MAP), form
        )
        for form in (mask, ms.Tensor(mask), mask > 0)
    ]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("mask", "error", "words"),
    [
        (None, ValueError, "`mask` must be given"),
        ([[1]], TypeError, "`mask` must be a Tensor or an ndarray of numbers, got list"),
        (np.full((1, 1, *SIZE), "x"), TypeError, "ndarray of numbers, got <U1"),
        (np.ones(SIZE), ValueError, r"shape \(1, 1, 12, 15\), that of the image, got \(12, 15\)"),
        (np.ones((2, 1, *SIZE)), ValueError, r"got \(2, 1, 12, 15\)"),
        (np.ones((1, 1, 15, 12)), ValueError, r"got \(1, 1, 15, 12\)"),
        (np.full((1, 1, *SIZE), np.nan), ValueError, "`mask` must not hold NaN"),
    ],
    ids=["None", "list", "str", "2-D", "two", "turned", "nan"],
)
def test_refuses_masks(mask, error, words):
    with pytest.raises(error, match=words):
        Localization(5).evaluate(
            Gradient(networks.SmallConv()), ms.Tensor(IMAGE), 1, ms.Tensor(MAP), mask
        )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((5, "Pointing"), ValueError, "`metric` must be one of .*, got 'Pointing'"),
        ((5, None), TypeError, "`metric` must be a str, got NoneType"),
        ((True,), TypeError, "`num_labels` must be an int, got bool"),
        ((0,), ValueError, "`num_labels` must be in"),
    ],
)
def test_constructor_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        Localization(*arguments)
