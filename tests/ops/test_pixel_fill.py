"""Pixels covered by the interval that their rank lies in."""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import mindspore_primitives, pixel_fill
from tests.ops._cells import Wrap, jitted

SHAPES = [(3, 32, 31), (1, 1, 1), (2, 7, 11), (3, 61, 67), (1, 1, 37), (2, 23, 1)]  # C, H, W


def made(shape, seed=0):
    """An image and a random order of its pixels."""
    rng = np.random.default_rng(seed)
    image = rng.normal(size=shape).astype(np.float32)
    ranks = rng.permutation(shape[1] * shape[2]).astype(np.int32).reshape(shape[1:])
    return image, ranks


def covered_by_hand(image, ranks, low, high, outside, base):
    """The definition, one pixel at a time."""
    copy = image.copy()
    for y in range(ranks.shape[0]):
        for x in range(ranks.shape[1]):
            if (low <= ranks[y, x] < high) != outside:
                copy[:, y, x] = base
    return copy


def test_known_answer(backend):
    image = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    ranks = np.array([[5, 0, 3], [1, 4, 2]], np.int32)
    intervals = np.array([[0, 2], [4, 6]])
    out = pixel_fill(image, ranks, intervals, base_value=(-1.0, -2.0), backend=backend)
    assert out[0].tolist() == [[[0, -1, 2], [-1, 4, 5]], [[6, -2, 8], [-2, 10, 11]]]
    assert out[1].tolist() == [[[-1, 1, 2], [3, -1, 5]], [[-2, 7, 8], [9, -2, 11]]]


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_covers_the_pixels_of_the_interval_and_nothing_else(backend, shape, outside):
    image, ranks = made(shape)
    n = ranks.size
    intervals = np.array([[0, n // 2], [n // 3, n], [n - 1, n], [0, 0], [0, n], [n, n + 7]])
    out = pixel_fill(image, ranks, intervals, outside=outside, base_value=9.0, backend=backend)
    for copy, (low, high) in zip(out, intervals, strict=True):
        expected = covered_by_hand(image, ranks, low, high, outside, 9.0)
        np.testing.assert_array_equal(copy, expected)


def test_native_equals_the_reference_to_the_bit(isa):
    image, ranks = made((3, 61, 67))
    rng = np.random.default_rng(1)
    intervals = rng.integers(-9, ranks.size + 9, (17, 2))
    arguments = {"outside": True, "base_value": (0.1, -0.2, 0.3)}
    native = pixel_fill(image, ranks, intervals, backend="native", **arguments)
    expected = pixel_fill(image, ranks, intervals, backend="reference", **arguments)
    np.testing.assert_array_equal(native.view(np.int32), expected.view(np.int32))


def test_inside_and_outside_cover_every_pixel_once(backend):
    image, ranks = made((2, 7, 11))
    intervals = np.array([[3, 30], [0, 77]])
    both = [
        pixel_fill(np.abs(image) + 1, ranks, intervals, outside=outside, backend=backend) == 0.0
        for outside in (False, True)
    ]
    assert (both[0] != both[1]).all()


def test_ends_beyond_int32_and_empty_intervals(backend):
    image, ranks = made((2, 7, 11))
    intervals = np.array([[-(2**62), 2**62], [-(2**40), 0], [2**31, 2**40], [50, 10], [2**31, -1]])
    out = pixel_fill(image, ranks, intervals, base_value=5.0, backend=backend)
    assert (out[0] == 5.0).all()
    for copy in out[1:]:
        np.testing.assert_array_equal(copy, image)


def test_equal_ranks_share_their_fate(backend):
    image, _ = made((1, 3, 4))
    ranks = np.array([[0, 0, 1, 1]] * 3, np.int32)
    out = pixel_fill(image, ranks, np.array([[1, 2]]), base_value=7.0, backend=backend)
    assert (out[0, 0, :, 2:] == 7.0).all()
    np.testing.assert_array_equal(out[0, 0, :, :2], image[0, :, :2])


def test_nan_is_copied_and_can_be_covered(backend):
    image, ranks = made((2, 5, 5))
    image[:, 2, 2] = np.nan
    rank = int(ranks[2, 2])
    out = pixel_fill(image, ranks, np.array([[rank, rank + 1], [0, 0]]), backend=backend)
    assert np.isfinite(out[0]).all()
    assert np.isnan(out[1, :, 2, 2]).all()


def test_no_copies(backend):
    image, ranks = made((3, 8, 8))
    empty = np.zeros((0, 2), np.int64)
    assert pixel_fill(image, ranks, empty, backend=backend).shape == (0, 3, 8, 8)


def test_views_and_other_dtypes_are_taken(backend):
    image, ranks = made((3, 8, 6))
    expected = pixel_fill(image, ranks, np.array([[2, 20]]), backend=backend)
    turned = np.ascontiguousarray(image.transpose(2, 1, 0)).transpose(2, 1, 0).astype(np.float64)
    strided = np.repeat(ranks, 2, axis=1)[:, ::2]
    intervals = np.array([[2, 9], [20, 9]], np.uint8).T[:1]
    out = pixel_fill(turned, strided, intervals, backend=backend)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("offset", [4, 12, 20])
def test_any_alignment(isa, offset):
    image, ranks = made((3, 9, 7))
    intervals = np.array([[0, 9], [9, 40], [5, 63]])
    expected = pixel_fill(image, ranks, intervals)
    memory = np.zeros(expected.nbytes + 64, np.uint8)
    out = memory[offset : offset + expected.nbytes].view(np.float32).reshape(expected.shape)
    assert pixel_fill(image, ranks, intervals, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_same_bits_for_any_number_of_threads(threads, isa):
    image, ranks = made((3, 400, 500))
    intervals = np.array([[0, 1000], [1000, 90000], [0, 200000], [7, 7]])
    threads(1)
    one = pixel_fill(image, ranks, intervals)
    threads(4)
    np.testing.assert_array_equal(one, pixel_fill(image, ranks, intervals))


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"image": np.zeros((8, 8))}, ValueError, r"`image` must be \(C, H, W\)"),
        ({"image": "x"}, TypeError, "`image` must be a numeric ndarray, got str"),
        ({"ranks": np.zeros((8, 9), np.int32)}, ValueError, r"shape \(8, 8\), got \(8, 9\)"),
        ({"ranks": np.zeros((8, 8))}, TypeError, "`ranks` must be an ndarray of int32"),
        ({"ranks": np.full((8, 8), 2**31 - 1, np.int32)}, ValueError, "below 2\\^31 - 1"),
        ({"intervals": np.zeros((2, 3), int)}, ValueError, r"`intervals` must be \(M, 2\)"),
        ({"intervals": np.zeros((2, 2))}, TypeError, "must be an integer ndarray, got float64"),
        ({"intervals": [[0, 1]]}, TypeError, "must be an integer ndarray, got list"),
        ({"outside": 1}, TypeError, "`outside` must be a bool, got int"),
        ({"base_value": (0.0, 1.0)}, ValueError, "`base_value` must be a number, 3 numbers"),
        ({"out": np.zeros((1, 3, 8, 8))}, TypeError, "`out` must be an ndarray of float32"),
        ({"out": np.zeros((2, 3, 8, 8), np.float32)}, ValueError, "`out` must have shape"),
        ({"backend": "gpu"}, ValueError, "`backend` must be one of"),
        ({"intervals": np.zeros((2**24, 2), np.int8)}, ValueError, "2\\^31 or more"),
    ],
)
def test_refuses(kwargs, error, words):
    usual = {
        "image": np.zeros((3, 8, 8), np.float32),
        "ranks": np.zeros((8, 8), np.int32),
        "intervals": np.array([[0, 1]]),
    }
    with pytest.raises(error, match=words):
        pixel_fill(**{**usual, **kwargs})


@pytest.mark.skipif(not ops.has_native(), reason="no native kernels")
@pytest.mark.parametrize("wrap", [Wrap, jitted])
def test_the_primitive_equals_the_function(mode, wrap):
    image, ranks = made((3, 21, 34))
    base = np.array([0.5, -1.0, 2.0], np.float32)
    run = wrap(mindspore_primitives.pixel_fill(4))
    for first, outside in ((0, False), (100, True)):
        intervals = np.array([[first, first + k] for k in (0, 1, 300, 714)])
        arrays = (image, base, ranks, intervals, np.array([outside], np.int64))
        out = run(*[ms.Tensor(array) for array in arrays]).asnumpy()
        expected = pixel_fill(
            image, ranks, intervals, outside=outside, base_value=tuple(base.tolist())
        )
        np.testing.assert_array_equal(out, expected)
