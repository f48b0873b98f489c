"""The Ascend kernel, on the emulator, sums scores as the CPU op does, in pairs of floats."""

import numpy as np
import pytest

from fastxai.ops import MaskSpec, SaliencySums, saliency_accumulate
from tests._compare import PAIR_RTOL, assert_close
from tests.ascend._ops import accumulate_inputs

OP = "FastxaiSaliencyAccumulate"
CASES = [  # size, grid, shift range, targets: those of the CPU op, then several pieces of each axis
    ((50, 70), (10, 10), (11, 11), 2),
    ((13, 7), (3, 17), (1, 5), 1),
    ((1, 1), (1, 1), (1, 1), 3),
    ((96, 96), (7, 5), (11, 1), 1),
    ((64, 64), (40, 60), (2, 1), 3),
    ((64, 64), (3, 3), (1, 2), 1100),
]


def summed(library, scores, spec, batches, **options):
    """Pairs of sums and of moments after batches of masks from mask 0 on."""
    pairs = None
    first = 0
    for rows in batches:
        batch = scores[first : first + rows]
        inputs = accumulate_inputs(batch, spec, first, rows, pairs)
        pairs = tuple(library.call(OP, inputs, outputs=2, **options))
        first += rows
    return pairs


def values_of(pair):
    """What a pair of floats stands for."""
    return pair[0].astype(np.float64) + pair[1]


def expected_sums(scores, spec):
    """What the CPU op makes of it."""
    into = SaliencySums.zeros(spec, scores.shape[1])
    assert saliency_accumulate(scores, spec, 0, into) == -1
    return into


@pytest.mark.parametrize(("size", "grid", "shift_range", "targets"), CASES)
@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_equals_the_cpu_op_as_float64_would(library, size, grid, shift_range, targets, design):
    if design != "iid" and grid[0] * grid[1] > 127:
        pytest.skip("blocks have columns for 127 cells")
    spec = MaskSpec(6, size, grid, 0.5, shift_range, design)
    scores = np.random.default_rng(0).random((40, targets)).astype(np.float32)
    sums, moments = summed(library, scores, spec, [17, 23])
    expected = expected_sums(scores, spec)
    assert_close(values_of(sums), expected.sums, atol=PAIR_RTOL, scale=40)
    assert_close(values_of(moments).T, expected.moments, atol=PAIR_RTOL, scale=40)
    assert values_of(moments)[:, -1].tolist() == [40.0, 40.0]


def test_scores_of_very_different_size_keep_their_small_parts(library):
    spec = MaskSpec(6, (16, 16), (4, 4), 0.5, (1, 1))
    scores = np.full((30, 1), 1e-6, np.float32)
    scores[0] = 30000.0
    sums, moments = summed(library, scores, spec, [30])
    expected = expected_sums(scores, spec)
    assert_close(values_of(sums), expected.sums, atol=PAIR_RTOL, scale=3e4)
    assert_close(values_of(moments).T, expected.moments, atol=PAIR_RTOL, scale=9e8)
    assert np.abs(sums[0] - expected.sums).max() > 1e-6, "one float alone would do"


@pytest.mark.parametrize("cores", [1, 3, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_same_bits_on_any_number_of_cores_and_any_split(library, cores, seed):
    spec = MaskSpec(6, (50, 70), (10, 10), 0.5, (3, 2))
    scores = np.random.default_rng(0).random((24, 5)).astype(np.float32)
    whole = summed(library, scores, spec, [24], cores=1)
    parts = summed(library, scores, spec, [1, 20, 3], cores=cores, seed=seed)
    for one, many in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, many)


def test_padding_rows_do_not_count(library):
    spec = MaskSpec(6, (20, 20))
    scores = np.random.default_rng(0).random((8, 2)).astype(np.float32)
    expected = summed(library, scores[:5], spec, [5])
    scores[5:] = np.nan
    padded = library.call(OP, accumulate_inputs(scores, spec, 0, 5), outputs=2)
    for one, other in zip(expected, padded, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [0, -3, 99])
def test_any_count_is_safe(library, count):
    spec = MaskSpec(6, (20, 20))
    scores = np.ones((4, 1), np.float32)
    _, moments = library.call(OP, accumulate_inputs(scores, spec, 0, count), outputs=2)
    assert values_of(moments)[0].tolist() == [min(max(count, 0), 4)] * 2


@pytest.mark.parametrize(
    "change",
    [
        {0: (8,)},
        {1: (7, 10, 10)},
        {2: (8, 3)},
        {3: (2,)},
        {4: (2, 3, 11, 11, 10, 9)},
        {4: (3, 11, 11, 10, 10)},
        {5: (2, 3, 2)},
    ],
)
def test_op_host_refuses_shapes_that_do_not_fit(library, change):
    spec = MaskSpec(6, (20, 20))
    inputs = accumulate_inputs(np.ones((8, 2), np.float32), spec, 0, 8)
    shapes = [array.shape for array in inputs]
    assert library.tile(OP, shapes, 40) is not None
    for index, shape in change.items():
        shapes[index] = shape
    assert library.tile(OP, shapes, 40) is None
