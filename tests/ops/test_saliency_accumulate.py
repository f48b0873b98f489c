"""Scores summed in the coarse domain."""

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops import MaskSpec, SaliencySums, mask_grid, saliency_accumulate, saliency_expand
from tests._compare import SUM64_RTOL, assert_close


def run(spec, scores, backend, batches):
    sums = SaliencySums.zeros(spec, scores.shape[1])
    first = 0
    for size in batches:
        rows = scores[first : first + size]
        assert saliency_accumulate(rows, spec, first, sums, backend=backend) == -1
        first += size
    return sums


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize(
    ("size", "grid", "shift_range", "targets"),
    [
        ((50, 70), (10, 10), (11, 11), 2),
        ((13, 7), (3, 17), (1, 5), 1),
        ((1, 1), (1, 1), (1, 1), 3),
        ((96, 96), (7, 5), (11, 1), 1),
    ],
)
def test_equals_the_dense_sum_of_score_times_mask(
    backend, size, grid, shift_range, targets, design
):
    spec = MaskSpec(6, size, grid, 0.4 if design == "iid" else 0.5, shift_range, design)
    scores = np.random.default_rng(0).random((200, targets)).astype(np.float32)
    sums = run(spec, scores, backend, [200])
    maps = saliency_expand(sums.sums, size, backend=backend)
    cells, shifts = mask_grid(spec, 0, 200, backend="reference")
    masks = reference.mask_upsample(cells, shifts, size, spec.up_size)[:, 0]
    dense = np.einsum("mt,myx->tyx", scores.astype(np.float64), masks)
    assert_close(maps[:-1], dense, atol=SUM64_RTOL, scale=200)
    assert_close(maps[-1], masks.sum(axis=0), atol=SUM64_RTOL, scale=200)
    moments = np.stack([scores.sum(0, np.float64), (scores.astype(np.float64) ** 2).sum(0)], 1)
    assert_close(sums.moments[:-1], moments, atol=SUM64_RTOL, scale=200)
    assert sums.moments[-1].tolist() == [200.0, 200.0]
    assert sums.count == 200


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_known_answer_of_one_mask(backend, design):
    spec = MaskSpec(6, (4, 4), (2, 2), 0.5, (3, 3), design)
    cells, shifts = mask_grid(spec, 9, 1)
    sums = SaliencySums.zeros(spec, 1)
    saliency_accumulate(np.array([[2.5]], np.float32), spec, 9, sums, backend=backend)
    expected = np.zeros((2, 3, 3, 2, 2))
    expected[0, shifts[0, 0], shifts[0, 1]] = 2.5 * cells[0]
    expected[1, shifts[0, 0], shifts[0, 1]] = cells[0]
    np.testing.assert_array_equal(sums.sums, expected)


@pytest.mark.parametrize(("design", "grid"), [("iid", (40, 40)), ("oa128", (11, 11))])
def test_same_bits_for_any_split_and_any_number_of_threads(threads, isa, design, grid):
    spec = MaskSpec(6, (50, 70), grid, design=design)
    scores = np.random.default_rng(0).random((201, 3)).astype(np.float32)
    threads(1)
    whole = run(spec, scores, "native", [201])
    threads(4)
    parts = run(spec, scores, "native", [1, 150, 0, 17, 33])
    np.testing.assert_array_equal(whole.sums, parts.sums)
    np.testing.assert_array_equal(whole.moments, parts.moments)
    maps = saliency_expand(whole.sums, (400, 300))
    threads(1)
    np.testing.assert_array_equal(maps, saliency_expand(whole.sums, (400, 300)))


def test_is_additive_over_mask_ranges(backend):
    spec = MaskSpec(6, (20, 20))
    scores = np.random.default_rng(0).random((64, 1)).astype(np.float32)
    whole = run(spec, scores, backend, [64])
    halves = [SaliencySums.zeros(spec, 1) for _ in range(2)]
    for k, half in enumerate(halves):
        rows = scores[32 * k : 32 * k + 32]
        saliency_accumulate(rows, spec, 32 * k, half, backend=backend)
    np.testing.assert_allclose(halves[0].sums + halves[1].sums, whole.sums, rtol=SUM64_RTOL)


def test_padding_rows_do_not_count(backend):
    spec = MaskSpec(6, (20, 20))
    scores = np.random.default_rng(0).random((8, 2)).astype(np.float32)
    expected = run(spec, scores[:5], backend, [5])
    scores[5:] = np.nan
    sums = SaliencySums.zeros(spec, 2)
    assert saliency_accumulate(scores, spec, 0, sums, count=5, backend=backend) == -1
    np.testing.assert_array_equal(sums.sums, expected.sums)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_named_and_nothing_added(backend, value):
    spec = MaskSpec(6, (20, 20))
    scores = np.ones((8, 2), np.float32)
    scores[6, 1] = value
    sums = SaliencySums.zeros(spec, 2)
    assert saliency_accumulate(scores, spec, 0, sums, backend=backend) == 6
    assert not sums.sums.any()
    assert not sums.moments.any()


def test_no_masks_and_no_targets(backend):
    spec = MaskSpec(6, (20, 20))
    sums = SaliencySums.zeros(spec, 1)
    assert saliency_accumulate(np.zeros((0, 1), np.float32), spec, 0, sums, backend=backend) == -1
    assert sums.count == 0
    assert saliency_expand(sums.sums[:0], (20, 20), backend=backend).shape == (0, 20, 20)


def test_float16_and_strided_scores_are_taken(backend):
    spec = MaskSpec(6, (20, 20))
    scores = np.random.default_rng(0).random((6, 4)).astype(np.float16)
    expected = run(spec, scores[:, ::2].astype(np.float32), backend, [6])
    assert_close(run(spec, scores[:, ::2], backend, [6]).sums, expected.sums, atol=0.0)


@pytest.mark.parametrize(
    ("scores", "error", "words"),
    [
        (np.zeros((4, 2), int), TypeError, "`scores` must be a float ndarray, got int64"),
        (np.zeros((4, 3), np.float32), ValueError, r"`scores` must be \(M, 2\)"),
        (np.zeros(4, np.float32), ValueError, r"`scores` must be \(M, 2\)"),
    ],
)
def test_refuses_scores(scores, error, words):
    spec = MaskSpec(6, (20, 20))
    with pytest.raises(error, match=words):
        saliency_accumulate(scores, spec, 0, SaliencySums.zeros(spec, 2))


def test_refuses_accumulators_of_another_spec_and_a_count_too_large():
    spec, other = MaskSpec(6, (20, 20)), MaskSpec(6, (20, 20), 9)
    scores = np.zeros((4, 2), np.float32)
    with pytest.raises(ValueError, match="another `spec`"):
        saliency_accumulate(scores, spec, 0, SaliencySums.zeros(other, 2))
    with pytest.raises(ValueError, match=r"`count` must be in \[0, 4\], got 5"):
        saliency_accumulate(scores, spec, 0, SaliencySums.zeros(spec, 2), count=5)


@pytest.mark.parametrize(
    ("sums", "error", "words"),
    [
        (np.zeros((1, 2, 2, 3, 3), np.float32), TypeError, "`sums` must be a float64 ndarray"),
        (np.zeros((1, 2, 2, 3)), ValueError, r"`sums` must be \(T, Sr, Sc, h, w\)"),
    ],
)
def test_expand_refuses(sums, error, words):
    with pytest.raises(error, match=words):
        saliency_expand(sums, (8, 8))
