"""Masks enlarged and cropped."""

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops import MaskSpec, bilinear_matrix, mask_grid, mask_upsample
from tests._compare import MASK_ATOL, assert_close


def test_known_answer_of_two_cells(backend):
    # Centres of the two cells lie at 0.25 and 0.75 of the axis: 1, 1, 3/4, 1/4, 0, 0 at halves.
    cells = np.array([[[1, 0]]], np.uint8)
    shifts = np.zeros((1, 2), np.int32)
    masks = mask_upsample(cells, shifts, (1, 4), (1, 4), backend=backend)
    np.testing.assert_array_equal(masks, [[[[1.0, 0.75, 0.25, 0.0]]]])


def test_crop_is_at_the_shift(backend):
    cells = np.random.default_rng(0).integers(0, 2, (1, 5, 4)).astype(np.uint8)
    whole = mask_upsample(cells, np.zeros((1, 2), int), (40, 33), (40, 33), backend=backend)
    part = mask_upsample(cells, np.array([[7, 3]]), (30, 30), (40, 33), backend=backend)
    np.testing.assert_array_equal(part[0, 0], whole[0, 0, 7:37, 3:33])


@pytest.mark.parametrize(
    ("grid", "size", "shift_range"),
    [
        ((10, 10), (224, 224), (11, 11)),
        ((10, 10), (97, 61), (11, 11)),
        ((3, 17), (31, 1), (1, 5)),
        ((1, 1), (5, 7), (2, 2)),
        ((40, 30), (13, 11), (3, 4)),  # more cells than pixels
        ((7, 7), (1, 1), (1, 1)),
    ],
)
def test_every_isa_is_within_three_eps_of_the_float64_reference(isa, grid, size, shift_range):
    spec = MaskSpec(4, size, grid, 0.5, shift_range)
    cells, shifts = mask_grid(spec, 0, 6)
    masks = mask_upsample(cells, shifts, size, spec.up_size, backend="native")
    expected = reference.mask_upsample(cells, shifts, size, spec.up_size)
    assert_close(masks, expected, atol=MASK_ATOL)
    assert masks.dtype == np.float32


def test_all_isas_give_the_same_bits():
    from fastxai import ops

    spec = MaskSpec(4, (63, 95))
    cells, shifts = mask_grid(spec, 0, 8)
    best = ops.native_info()["isa"]
    results = []
    for name in ops.isas():
        ops.select_isa(name)
        results.append(mask_upsample(cells, shifts, spec.size, spec.up_size, backend="native"))
    ops.select_isa(best)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_values_stay_in_0_1_and_full_masks_are_exactly_1(backend):
    full = np.ones((2, 10, 10), np.uint8)
    shifts = np.array([[0, 0], [10, 10]])
    masks = mask_upsample(full, shifts, (87, 45), (97, 55), backend=backend)
    np.testing.assert_allclose(masks, 1.0, rtol=0, atol=1e-15 if backend == "reference" else 0)
    spec = MaskSpec(8, (87, 45))
    some = mask_upsample(*mask_grid(spec, 0, 20), spec.size, spec.up_size, backend=backend)
    assert some.min() >= 0.0
    assert some.max() <= 1.0


def test_mean_over_masks_is_the_keep_probability():
    spec = MaskSpec(8, (50, 50), 10, 0.3)
    masks = mask_upsample(*mask_grid(spec, 0, 8000), spec.size, spec.up_size)
    # Var M <= 0.21 per pixel
    assert abs(masks.mean(axis=0) - 0.3).max() < 5 * np.sqrt(0.21 / 8000)


def test_no_masks(backend):
    empty = np.zeros((0, 4, 4), np.uint8)
    shape = mask_upsample(empty, np.zeros((0, 2), int), (8, 8), (9, 9), backend=backend).shape
    assert shape == (0, 1, 8, 8)


def test_non_contiguous_input(backend):
    cells = np.random.default_rng(0).integers(0, 2, (4, 6, 5)).astype(np.uint8)
    view = cells.transpose(0, 2, 1)[::2]
    shifts = np.zeros((2, 2), np.int64)
    direct = mask_upsample(view.copy(), shifts, (9, 9), (9, 9), backend=backend)
    np.testing.assert_array_equal(
        mask_upsample(view, shifts, (9, 9), (9, 9), backend=backend), direct
    )


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"cells": np.zeros((2, 3, 3))}, TypeError, "`cells` must be an ndarray of integers"),
        ({"cells": np.full((2, 3, 3), 2)}, ValueError, "`cells` must be 0 or 1, got 2"),
        ({"cells": np.zeros((3, 3), int)}, ValueError, r"`cells` must be \(M, h, w\)"),
        ({"shifts": np.zeros((3, 2), int)}, ValueError, r"`shifts` must be \(2, 2\)"),
        ({"shifts": np.full((2, 2), 4)}, ValueError, r"`shifts` must be in \[0, \(3, 3\)\]"),
        ({"shifts": np.full((2, 2), -1)}, ValueError, "`shifts` must be in"),
        ({"up_size": (7, 8)}, ValueError, "`up_size` must be at least"),
        ({"size": (0, 8)}, ValueError, "`size` must be in"),
        ({"size": (2**16, 2**16), "up_size": (2**17, 2**17)}, ValueError, "2\\^31 or more"),
    ],
)
def test_refuses(change, error, words):
    good = {
        "cells": np.zeros((2, 3, 3), np.uint8),
        "shifts": np.zeros((2, 2), np.int32),
        "size": (8, 8),
        "up_size": (11, 11),
    }
    with pytest.raises(error, match=words):
        mask_upsample(**{**good, **change})


# ---- the matrix of an axis ------------------------------------------------------------------


def test_the_matrix_enlarges_an_axis_as_the_op_does(backend):
    cells = np.eye(5, dtype=np.uint8)[:, :, None]  # one cell of an axis at a time
    masks = mask_upsample(cells, np.zeros((5, 2), int), (13, 1), (13, 1), backend=backend)
    assert_close(bilinear_matrix(5, 13), masks[:, 0, :, 0].T, atol=MASK_ATOL)


@pytest.mark.parametrize(("cells", "up"), [(1, 1), (1, 9), (7, 3), (10, 234)])
def test_the_rows_of_the_matrix_sum_to_one(cells, up):
    matrix = bilinear_matrix(cells, up)
    assert matrix.shape == (up, cells)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((0, 3), ValueError, "bilinear_matrix: `cells` must be in"),
        ((3, 2.0), TypeError, "`up` must be an int, got float"),
        ((2**16, 2**16), ValueError, "2\\^31 or more"),
    ],
)
def test_the_matrix_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        bilinear_matrix(*arguments)
