"""Windows covered, and drops summed."""

import numpy as np
import pytest

from fastxai.ops import OcclusionSpec, occlusion_fill, occlusion_patch, occlusion_sum
from tests._compare import SUM64_RTOL, assert_close

SPECS = [
    OcclusionSpec((32, 32), (3, 3), (1, 1)),
    OcclusionSpec((100, 64), (3, 2), (3, 2)),
    OcclusionSpec((7, 11), (7, 1), (1, 4)),
    OcclusionSpec((13, 5), (2, 5), (3, 1)),  # gaps between windows
    OcclusionSpec((1, 1), (1, 1), (1, 1)),
    OcclusionSpec((17, 19), (5, 4), (2, 3)),  # strides that do not divide
]


def sum_by_hand(drops, spec):
    """The formula pixel by pixel, windows found by looking at every one of them."""
    (rows, cols), (wr, wc), (sr, sc) = spec.grid, spec.window, spec.strides
    maps = np.zeros((len(drops), *spec.size))
    for y in range(spec.size[0]):
        for x in range(spec.size[1]):
            over = [
                p
                for p in range(rows * cols)
                if 0 <= y - p // cols * sr < wr and 0 <= x - p % cols * sc < wc
            ]
            maps[:, y, x] = drops[:, over].sum(axis=1) / (1 + len(over))
    return maps


def test_fill_known_answer(backend):
    image = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    spec = OcclusionSpec((3, 4), (2, 2), (1, 2))
    out = occlusion_fill(image, spec, 3, 1, base_value=(-1.0, -2.0), backend=backend)
    expected = image.copy()
    expected[0, 1:3, 2:4] = -1.0
    expected[1, 1:3, 2:4] = -2.0
    np.testing.assert_array_equal(out[0], expected)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_fill_covers_the_window_of_each_row_and_nothing_else(backend, spec):
    image = np.random.default_rng(0).normal(size=(3, *spec.size)).astype(np.float32)
    count = min(spec.num_windows, 40)
    first = spec.num_windows - count
    out = occlusion_fill(image, spec, first, count, base_value=9.0, backend=backend)
    for row in range(count):
        p = first + row
        top, left = p // spec.grid[1] * spec.strides[0], p % spec.grid[1] * spec.strides[1]
        expected = image.copy()
        for y in range(spec.window[0]):
            for x in range(spec.window[1]):
                expected[:, top + y, left + x] = 9.0
        np.testing.assert_array_equal(out[row], expected)


def test_an_index_outside_covers_nothing(backend):
    image = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
    spec = OcclusionSpec((8, 8), (3, 3), (1, 1))
    for first in (-1, spec.num_windows, 2**40):
        out = occlusion_fill(image, spec, first, 1, base_value=5.0, backend=backend)
        np.testing.assert_array_equal(out[0], image)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_patching_equals_filling(backend, spec):
    image = np.random.default_rng(0).normal(size=(2, *spec.size)).astype(np.float32)
    batch = occlusion_fill(image, spec, -1, 7, base_value=0.5, backend=backend)
    for previous, first in [(-1, 6), (6, 13), (13, spec.num_windows - 2), (0, 0)]:
        if (previous, first) == (0, 0):
            previous = spec.num_windows - 2
        occlusion_patch(batch, image, spec, previous, first, base_value=0.5, backend=backend)
        expected = occlusion_fill(image, spec, first, 7, base_value=0.5, backend="reference")
        np.testing.assert_array_equal(batch, expected)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_sum_equals_the_formula_pixel_by_pixel(backend, spec):
    drops = np.random.default_rng(0).normal(size=(2, spec.num_windows))
    maps = occlusion_sum(drops, spec, backend=backend)
    assert_close(maps, sum_by_hand(drops, spec), atol=SUM64_RTOL, scale=np.abs(drops).sum())


def test_windows_that_do_not_overlap_show_half_the_drop(backend):
    spec = OcclusionSpec((4, 6), (2, 3), (2, 3))
    maps = occlusion_sum(np.array([[1.0, 2.0, 3.0, 4.0]]), spec, backend=backend)
    expected = np.kron([[0.5, 1.0], [1.5, 2.0]], np.ones((2, 3)))
    np.testing.assert_allclose(maps[0], expected, rtol=1e-15)


def test_pixels_that_no_window_reaches_are_exactly_zero(backend):
    spec = OcclusionSpec((100, 100), (3, 3), (3, 3))
    maps = occlusion_sum(np.random.default_rng(0).random((1, 1089)), spec, backend=backend)
    assert (maps[0, 99] == 0.0).all()
    assert (maps[0, :, 99] == 0.0).all()
    assert (maps[0, :99, :99] > 0.0).all()


def test_same_bits_for_any_number_of_threads(threads, isa):
    spec = OcclusionSpec((700, 900), (7, 7), (1, 1))
    drops = np.random.default_rng(0).normal(size=(2, spec.num_windows))
    image = np.random.default_rng(0).normal(size=(3, 700, 900)).astype(np.float32)
    threads(1)
    one = occlusion_sum(drops, spec)
    filled = occlusion_fill(image, spec, 5, 3)
    threads(4)
    np.testing.assert_array_equal(one, occlusion_sum(drops, spec))
    np.testing.assert_array_equal(filled, occlusion_fill(image, spec, 5, 3))


def test_no_windows_and_no_targets(backend):
    spec = OcclusionSpec((8, 8), (3, 3), (1, 1))
    image = np.zeros((3, 8, 8), np.float32)
    assert occlusion_fill(image, spec, 0, 0, backend=backend).shape == (0, 3, 8, 8)
    assert occlusion_sum(np.zeros((0, 36)), spec, backend=backend).shape == (0, 8, 8)


@pytest.mark.parametrize("offset", [4, 12, 20])
def test_any_alignment(isa, offset):
    spec = OcclusionSpec((9, 7), (2, 2), (1, 1))
    image = np.random.default_rng(0).normal(size=(3, 9, 7)).astype(np.float32)
    expected = occlusion_fill(image, spec, 0, 5)
    memory = np.zeros(expected.nbytes + 64, np.uint8)
    out = memory[offset : offset + expected.nbytes].view(np.float32).reshape(expected.shape)
    occlusion_fill(image, spec, 0, 5, out=out)
    np.testing.assert_array_equal(out, expected)


def test_refuses():
    spec = OcclusionSpec((8, 8), (3, 3), (1, 1))
    image = np.zeros((3, 8, 8), np.float32)
    with pytest.raises(ValueError, match=r"`image` must be \(8, 8\) pixels, got \(8, 9\)"):
        occlusion_fill(np.zeros((3, 8, 9), np.float32), spec)
    with pytest.raises(ValueError, match="2\\^31 or more"):
        occlusion_fill(image, spec, 0, 2**24)
    with pytest.raises(TypeError, match="`batch` must be an ndarray of float32, got float64"):
        occlusion_patch(np.zeros((2, 3, 8, 8)), image, spec, 0, 1)
    with pytest.raises(ValueError, match="`drops` must be"):
        occlusion_sum(np.zeros((1, 35)), spec)
    with pytest.raises(TypeError, match="`drops` must be a float ndarray, got int64"):
        occlusion_sum(np.zeros((1, 36), int), spec)
