"""The estimators' expectation and noise under every design."""

import functools

import numpy as np
import pytest

from fastxai.masks import control_variate, estimators
from fastxai.masks.control_variate import control_variate_maps
from fastxai.masks.estimators import centring_divisor, maps_of_sums
from fastxai.ops import MaskSpec, SaliencySums, mask_grid, saliency_accumulate
from tests._compare import SUM64_RTOL, assert_close
from tests.explainer import _surrogate as surrogate

DESIGNS = ("iid", "oa128", "placed", "lattice")
ESTIMATORS = ("plain", "centred", "control-variate")
KINDS = [
    (design, estimator)
    for design in DESIGNS
    for estimator in ESTIMATORS
    if (design, estimator) != ("lattice", "control-variate")  # refused: it would be biased
]
# Of 680 pixels that err together, in standard errors of the mean map.
WORST, MEAN_SQUARE = 4.5, 3.0


def accumulated(spec, count):
    sums = SaliencySums.zeros(spec, surrogate.TARGETS)
    scores = surrogate.scores_of(spec, count).astype(np.float32)
    assert saliency_accumulate(scores, spec, 0, sums) == -1
    return sums


def one_map(seed, design, estimator, count):
    spec = surrogate.spec_of(seed, design)
    if estimator == "control-variate":
        return control_variate_maps(surrogate.scores_of(spec, count), spec)
    return maps_of_sums(accumulated(spec, count), spec, estimator)


@functools.cache
def repeated(design, estimator, count, repeats=400):
    return np.array([one_map(seed, design, estimator, count) for seed in range(repeats)])


@pytest.mark.statistical
@pytest.mark.parametrize(("design", "estimator"), KINDS)
@pytest.mark.parametrize("count", [256, 300])  # whole blocks, and one cut off
def test_every_design_and_estimator_expects_the_exact_map(design, estimator, count):
    bias = surrogate.bias(repeated(design, estimator, count))
    assert np.abs(bias).max() < WORST
    assert (bias**2).mean() < MEAN_SQUARE


@pytest.mark.statistical
@pytest.mark.parametrize("count", [256, 300])
def test_noise_falls_from_plain_to_centred_to_oa128_and_with_the_control_variate(count):
    noise = {
        (design, estimator): repeated(design, estimator, count).var(axis=0).mean()
        for design, estimator in KINDS
    }
    assert noise["iid", "centred"] < 0.7 * noise["iid", "plain"]
    assert noise["oa128", "centred"] < 0.8 * noise["iid", "centred"]
    assert noise["iid", "control-variate"] < 0.5 * noise["iid", "centred"]
    assert noise["oa128", "control-variate"] < 0.5 * noise["oa128", "centred"]


def biased(maps):
    """Whether the test of the exact map would have noticed, with room to spare."""
    return np.abs(surrogate.bias(maps)).max() > 2 * WORST


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("estimator", ["plain", "centred"])
@pytest.mark.parametrize("count", [256, 300])
def test_a_batch_that_is_not_summed_is_noticed(monkeypatch, design, estimator, count):
    """The planted error: 32 scores too few in the sums, and not in their number."""
    real = surrogate.scores_of

    def fewer(spec, count):
        scores = real(spec, count)
        scores[64:96] = 0.0
        return scores

    monkeypatch.setattr(surrogate, "scores_of", fewer)
    assert biased(np.array([one_map(seed, design, estimator, count) for seed in range(400)]))


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("estimator", ["plain", "centred"])
def test_masks_that_are_not_shifted_are_noticed(monkeypatch, design, estimator):
    def still(seed, design):
        return MaskSpec(seed, surrogate.SIZE, surrogate.GRID, shift_range=(1, 1), design=design)

    monkeypatch.setattr(surrogate, "spec_of", still)
    assert biased(np.array([one_map(seed, design, estimator, 300) for seed in range(400)]))


@pytest.mark.statistical
@pytest.mark.parametrize("design", DESIGNS)
def test_another_divisor_is_noticed(monkeypatch, design):
    real = estimators.centring_divisor
    monkeypatch.setattr(estimators, "centring_divisor", lambda *which: 0.9 * real(*which))
    assert biased(np.array([one_map(seed, design, "centred", 300) for seed in range(400)]))


@pytest.mark.statistical
def test_folds_that_split_a_block_of_oa128_are_noticed(monkeypatch):
    """The planted error: fold j is fitted on masks that share shift and columns with fold j."""
    monkeypatch.setattr(control_variate, "fold_edges", lambda count: [0, 64, 128, 192, count])
    maps = np.array([one_map(seed, "oa128", "control-variate", 256) for seed in range(1500)])
    bias = surrogate.bias(maps)
    assert np.abs(bias).max() > 1.5 * WORST
    assert (bias**2).mean() > 3 * MEAN_SQUARE


@pytest.mark.statistical
def test_a_fit_on_the_masks_it_is_used_on_is_noticed(monkeypatch):
    """The planted error: no cross-fitting."""
    monkeypatch.setattr(control_variate._Moments, "__sub__", lambda total, own: own)
    maps = np.array([one_map(seed, "oa128", "control-variate", 256) for seed in range(400)])
    assert np.abs(surrogate.bias(maps)).max() > 2 * WORST


@pytest.mark.statistical
def test_leaving_out_the_known_part_is_noticed(monkeypatch):
    monkeypatch.setattr(control_variate._Hats, "known_sums", lambda *arguments: 0.0)
    maps = np.array([one_map(seed, "iid", "control-variate", 256) for seed in range(60)])
    assert np.abs(surrogate.bias(maps)).max() > 2 * WORST


# ---- the divisor ----------------------------------------------------------------------------


def test_the_divisor_of_independent_masks_and_of_whole_blocks():
    assert centring_divisor("iid", 300) == 299
    for blocks in (1, 2, 47):
        assert centring_divisor("oa128", 128 * blocks) == pytest.approx(128 * blocks, rel=1e-12)
    assert centring_divisor("oa128", 2) == pytest.approx(1 + 1 / 127)


@pytest.mark.parametrize("design", DESIGNS[1:])
@pytest.mark.parametrize("kept", [2, 5, 40, 127, 128])
def test_a_cut_block_has_the_divisor_that_makes_variances_unbiased(kept, design):
    """Over all 127 columns the mean is the expectation: the variance of a cell, 1/4, exactly."""
    cells, _ = mask_grid(MaskSpec(8, (8, 8), (127, 1), design=design), 128, kept)
    flat = cells.reshape(kept, 127).astype(np.float64)
    squares = ((flat - flat.mean(axis=0)) ** 2).sum(axis=0)
    assert squares.mean() / centring_divisor(design, kept) == pytest.approx(0.25, rel=1e-12)


def test_the_divisor_counts_pairs_within_blocks_however_many_there_are():
    """Twice 128 masks and 44, pair by pair."""
    block = np.arange(300) // 128
    together = (block[:, None] == block).sum() - 300
    assert centring_divisor("oa128", 300) == pytest.approx(299 + together / (127 * 300))


def test_whole_blocks_have_the_plain_sum_and_it_is_the_centred_one(monkeypatch):
    spec = surrogate.spec_of(3, "oa128")
    sums = accumulated(spec, 384)
    plain, centred = (maps_of_sums(sums, spec, name) for name in ("plain", "centred"))
    np.testing.assert_array_equal(centred, plain)
    monkeypatch.setattr(estimators, "OA_MASKS", 10**9)  # as if it were one block cut off
    monkeypatch.setattr(estimators, "centring_divisor", lambda design, count: count)
    assert_close(maps_of_sums(sums, spec, "centred"), plain, atol=SUM64_RTOL, scale=100)


def test_cut_blocks_have_the_centred_sum():
    spec = surrogate.spec_of(3, "oa128")
    sums = accumulated(spec, 300)
    plain, centred = (maps_of_sums(sums, spec, name) for name in ("plain", "centred"))
    assert np.abs(centred - plain).max() > 1e-3
