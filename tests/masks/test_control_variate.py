"""The control variate against its formula, written densely and by enumeration."""

import itertools

import numpy as np
import pytest

from fastxai import reference
from fastxai.masks import control_variate
from fastxai.masks.control_variate import control_variate_maps, fold_edges
from fastxai.masks.estimators import LEAST_MASKS
from fastxai.ops import MaskSpec, mask_grid
from tests._compare import SUM64_RTOL, assert_close
from tests.explainer import _surrogate as surrogate

TINY = {"size": (5, 4), "grid": (2, 2), "shift_range": (3, 2)}


def masks_of(spec, cells, shifts):
    return reference.mask_upsample(cells, shifts, spec.size, spec.up_size)[:, 0]


def hat_means(spec, masks):
    """Means of masks (M, H, W) under as many hats as cells, one pixel at a time: (M, h w)."""
    features = []
    for mask in masks:
        total, weight = np.zeros(spec.grid), np.zeros(spec.grid)
        for y, x in np.ndindex(spec.size):
            for a, b in np.ndindex(spec.grid):
                w = 1.0
                for node, pixel, nodes, pixels in zip(
                    (a, b), (y, x), spec.grid, spec.size, strict=True
                ):
                    source = min(max((pixel + 0.5) * nodes / pixels - 0.5, 0), nodes - 1)
                    w *= max(0.0, 1.0 - abs(source - node))
                total[a, b] += w * mask[y, x]
                weight[a, b] += w
        features.append((total / weight).ravel())
    return np.array(features)


def enumerated(spec, function):
    """Expectation of function(mask, features) times mask over every mask there is."""
    p = spec.keep_probability
    number = spec.grid[0] * spec.grid[1]
    total = 0.0
    for bits in itertools.product((0, 1), repeat=number):
        cells = np.array(bits).reshape(1, *spec.grid)
        weight = p ** sum(bits) * (1 - p) ** (number - sum(bits))
        for shift in np.ndindex(spec.shift_range):
            mask = masks_of(spec, cells, [shift])
            total = total + weight * function(hat_means(spec, mask)[0]) * mask[0]
    return total / (spec.shift_range[0] * spec.shift_range[1])


@pytest.mark.parametrize(
    ("design", "probability", "count"), [("iid", 0.5, 256), ("iid", 0.3, 300), ("oa128", 0.5, 300)]
)
def test_equals_the_formula_for_slopes_that_are_given(monkeypatch, design, probability, count):
    """E[g M] by enumeration, the rest by a dense sum over each fold."""
    spec = MaskSpec(7, keep_probability=probability, design=design, **TINY)
    rng = np.random.default_rng(1)
    slopes = [rng.normal(size=(4, 2)) for _ in range(2)]
    scores = rng.normal(size=(count, 2))
    given = iter(slopes)
    monkeypatch.setattr(control_variate, "fitted_slopes", lambda moments: next(given))
    maps = control_variate_maps(scores, spec)

    masks = masks_of(spec, *mask_grid(spec, 0, count))
    features = hat_means(spec, masks)
    expected = np.zeros((2, *spec.size))
    for beta, ends in zip(slopes, [(0, 128), (128, count)], strict=True):
        own = slice(*ends)
        number = ends[1] - ends[0]
        block = np.arange(*ends) // 128
        together = (block[:, None] == block).sum() - number
        divisor = number - 1 + (together / (127 * number) if design == "oa128" else 0)
        for target in range(2):
            rest = scores[own, target] - (features[own] - probability) @ beta[:, target]
            known = enumerated(spec, lambda phi, b=beta[:, target]: (phi - probability) @ b)
            covariance = np.einsum("m,myx->yx", rest - rest.mean(), masks[own]) / divisor
            fold_map = known + probability * rest.mean() + covariance
            expected[target] += number / count * fold_map
    assert_close(maps, expected, atol=SUM64_RTOL, scale=100)


def test_each_fold_is_fitted_on_all_the_others(monkeypatch):
    spec = surrogate.spec_of(1, "iid")
    scores = np.random.default_rng(0).normal(size=(700, 1))
    fitted = []

    def remember(moments):
        fitted.append(moments)
        return np.zeros((9, 1))

    monkeypatch.setattr(control_variate, "fitted_slopes", remember)
    control_variate_maps(scores, spec)
    edges = [0, 128, 256, 384, 512, 700]
    assert [moments.count for moments in fitted] == [
        700 - b + a for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    for moments, a, b in zip(fitted, edges[:-1], edges[1:], strict=True):
        others = np.delete(scores, slice(a, b), axis=0)
        assert_close(moments.f, others.sum(axis=0), atol=SUM64_RTOL, scale=700)
        assert_close(moments.f_f, (others**2).sum(axis=0), atol=SUM64_RTOL, scale=700)


def test_the_fit_is_the_ridge_regression_of_the_least_cross_validated_error():
    """By the regression's own matrices, one penalty at a time."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 5)) @ np.diag([3.0, 1.0, 1.0, 0.3, 0.1]) + 2.0
    y = np.stack([x @ rng.normal(size=5) + rng.normal(size=60) * 3, rng.normal(size=60)], axis=1)
    slopes = control_variate.fitted_slopes(control_variate._Moments.of(x, y))
    centred = x - x.mean(axis=0)
    gram = centred.T @ centred
    for target in range(2):
        rest = y[:, target] - y[:, target].mean()
        found = []
        for penalty in 10.0 ** np.linspace(-3, 2, 16) * np.trace(gram) / 5:
            beta = np.linalg.solve(gram + penalty * np.eye(5), centred.T @ rest)
            smoother = centred @ np.linalg.solve(gram + penalty * np.eye(5), centred.T)
            freedom = np.trace(smoother) + 1
            found.append((((rest - centred @ beta) ** 2).sum() / (1 - freedom / 60) ** 2, beta))
        best = min(found, key=lambda pair: pair[0])[1]
        assert_close(slopes[:, target], best, atol=1e-9)
    assert np.abs(slopes[:, 0]).max() > 0.1  # a real fit
    assert np.abs(slopes[:, 1]).max() < 0.1  # next to nothing to fit


def test_a_score_that_the_hats_explain_leaves_next_to_no_noise():
    spec = surrogate.spec_of(4, "iid")
    masks = masks_of(spec, *mask_grid(spec, 0, 256))
    hats = control_variate._Hats.of(spec)
    features = hats.features(
        *(a.astype(t) for a, t in zip(mask_grid(spec, 0, 256), (float, int), strict=True))
    )
    beta = np.random.default_rng(0).normal(size=(9, 1))
    maps = control_variate_maps(features @ beta, spec)
    exact = np.zeros(spec.size)
    for shift in np.ndindex(spec.shift_range):
        matrix = masks_of(spec, np.eye(9).reshape(9, 3, 3), [shift] * 9).reshape(9, -1)
        means = hats.features(np.eye(9).reshape(9, 3, 3), np.array([shift] * 9))  # (cell, hat)
        exact += (0.25 * (means @ beta[:, 0]) @ matrix).reshape(spec.size) / 121
    exact += 0.25 * beta.sum()
    assert masks.shape[1:] == spec.size
    assert np.abs(maps[0] - exact).max() < 0.01 * exact.std()


# ---- folds ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "edges"),
    [
        (256, [0, 128, 256]),
        (383, [0, 128, 383]),
        (384, [0, 128, 256, 384]),
        (1024, [0, 128, 256, 384, 512, 640, 768, 896, 1024]),
        (6000, [0, 640, 1408, 2176, 2944, 3584, 4352, 5120, 6000]),
    ],
)
def test_folds_are_whole_blocks_and_eight_at_most(count, edges):
    found = fold_edges(count)
    assert found == edges
    assert all(edge % 128 == 0 for edge in found[:-1])


def test_the_least_number_of_masks_gives_two_folds():
    assert fold_edges(LEAST_MASKS) == [0, 128, 256]
    assert len(fold_edges(LEAST_MASKS - 1)) == 2  # one fold: nothing to fit on


# ---- awkward input --------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["iid", "oa128"])
def test_same_map_whatever_is_held_at_a_time(monkeypatch, design):
    spec = surrogate.spec_of(2, design)
    scores = surrogate.scores_of(spec, 600)
    whole = control_variate_maps(scores, spec)
    monkeypatch.setattr(control_variate, "_CHUNK_CELLS", 9 * 37)
    assert_close(control_variate_maps(scores, spec), whole, atol=1e-10)


@pytest.mark.parametrize(
    ("size", "grid", "shift_range"),
    [
        ((1, 1), (1, 1), (1, 1)),
        ((1, 7), (10, 10), (11, 11)),
        ((3, 2), (10, 10), (11, 11)),  # fewer pixels than cells
        ((40, 31), (30, 20), (5, 2)),  # more cells than hats
    ],
)
def test_any_size_grid_and_shifts(size, grid, shift_range):
    spec = MaskSpec(3, size, grid, 0.5, shift_range)
    masks = masks_of(spec, *mask_grid(spec, 0, 300))
    scores = masks.mean(axis=(1, 2))[:, None] ** 2
    maps = control_variate_maps(scores, spec)
    assert maps.shape == (1, *size)
    assert np.isfinite(maps).all()
    plain = np.einsum("m,myx->yx", scores[:, 0], masks) / 300
    assert np.abs(maps[0] - plain).max() < 0.2  # the same map but for noise


def test_constant_scores_give_a_constant_map():
    spec = surrogate.spec_of(2, "iid")
    maps = control_variate_maps(np.full((256, 2), 0.7), spec)
    assert_close(maps, np.full((2, *spec.size), 0.35), atol=1e-12)


def test_masks_that_are_all_equal_give_the_mean_score():
    spec = MaskSpec(2, (9, 8), (3, 3), 1e-9)
    scores = np.random.default_rng(0).random((256, 1))
    maps = control_variate_maps(scores, spec)
    assert_close(maps, np.full((1, 9, 8), 1e-9 * scores.mean()), atol=1e-15)


def test_targets_do_not_mix():
    spec = surrogate.spec_of(2, "oa128")
    scores = surrogate.scores_of(spec, 512)
    together = control_variate_maps(scores, spec)
    for target in range(2):
        alone = control_variate_maps(scores[:, target : target + 1], spec)
        assert_close(together[target : target + 1], alone, atol=1e-12)
