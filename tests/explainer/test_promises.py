"""What error bars and the stopping rule promise, over many runs on black boxes of known maps.

The boxes are functions of NumPy arrays: the loop, the masks and the estimators are those of every
framework. Every promise is seen to fail on a planted error.
"""

import functools

import numpy as np
import pytest

from fastxai.masks import error_bar, stopping
from fastxai.models import RISE
from tests.explainer import _polynomial as boxes

pytestmark = [pytest.mark.slow, pytest.mark.statistical]
TOL, SLACK = 0.95, 0.01
LONGEST = 16  # the box that takes 25,000 masks of control-variate: a fit at every look, 12 s a run
SHARE = 0.95  # of the runs that must be above tol - SLACK when they stop
COVERED = (0.90, 0.99)  # by nominal 95 % intervals


@functools.cache
def network(box=None):
    return boxes.Polynomial(box)


def stopped_runs(design, estimator, seeds, tol=TOL, every=1):
    """True correlations at the stop, and masks used, of boxes and seeds."""
    correlations, masks = [], []
    for box in range(0, boxes.BOXES, every):
        for seed in range(1 if (box, estimator) == (LONGEST, "control-variate") else seeds):
            rise = RISE(
                network(box), None, 256, num_masks="auto", tol=tol, max_masks=2**16,
                seed=100 * box + seed, design=design, estimator=estimator,
            )  # fmt: skip
            found = rise(boxes.image(), 0, ret="result")
            correlations.append(boxes.correlation(found.saliency[0, 0], box))
            masks.append(int(found.num_masks[0]))
    return np.array(correlations), np.array(masks)


def kept(correlations, tol=TOL):
    """Share of the runs whose true correlation is above tol - SLACK."""
    return (correlations > tol - SLACK).mean()


def coverage(design, estimator, masks, runs):
    """Share of all pixels of all boxes and runs that the 95 % interval covers."""
    covered = []
    every = [list(range(boxes.BOXES))]
    for seed in range(runs):
        rise = RISE(
            network(), None, 256, num_masks=masks, seed=seed, design=design,
            estimator=estimator,
        )  # fmt: skip
        low, high = rise(boxes.image(), every, ret="result").interval(0.95)
        covered.append(((low[0] <= boxes.exact_maps()) & (boxes.exact_maps() <= high[0])).mean())
    return float(np.mean(covered))


@pytest.mark.parametrize(
    ("design", "estimator", "seeds"),
    [
        ("iid", "centred", 4),
        ("oa128", "centred", 4),
        ("lattice", "centred", 4),
        ("iid", "control-variate", 2),
    ],
)
def test_a_run_that_stops_has_the_correlation_it_was_to_have(design, estimator, seeds):
    correlations, masks = stopped_runs(design, estimator, seeds)
    assert len(correlations) >= 30 * seeds - 1
    assert kept(correlations) >= SHARE
    assert masks.max() < 2**16  # each did stop by itself
    assert len(set(masks.tolist())) > 3  # and not all at the same number


@pytest.mark.parametrize(
    ("design", "estimator", "masks", "runs"),
    [
        ("iid", "centred", 512, 60),
        ("oa128", "centred", 512, 60),
        ("lattice", "centred", 512, 60),
        ("iid", "plain", 512, 20),
        ("iid", "control-variate", 512, 20),
        ("iid", "centred", 1536, 20),
        ("oa128", "centred", 1536, 20),
        ("lattice", "centred", 1536, 20),
        ("iid", "control-variate", 1536, 20),
    ],
)
def test_95_percent_intervals_cover_about_95_percent(design, estimator, masks, runs):
    assert COVERED[0] <= coverage(design, estimator, masks, runs) <= COVERED[1]


# ---- planted errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_a_standard_error_that_is_a_third_too_small_is_noticed(monkeypatch, design):
    kind = error_bar.PlugIn if design == "iid" else error_bar.Blocks
    right = kind._squared_error

    def wrong(self, step):
        squares, freedom = right(self, step)
        return squares * 0.44, freedom

    monkeypatch.setattr(kind, "_squared_error", wrong)
    assert coverage(design, "centred", 1024, runs=20) < COVERED[0]


def test_the_plug_in_for_masks_of_oa128_is_noticed(monkeypatch):
    """It does not know that the masks are balanced, so its intervals are far too wide."""
    monkeypatch.setattr(error_bar, "Blocks", error_bar.PlugIn)
    assert coverage("oa128", "centred", 1024, runs=20) > COVERED[1]


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_a_prediction_that_halves_the_error_is_noticed(monkeypatch, design):
    kind = error_bar.PlugIn if design == "iid" else error_bar.Blocks
    right = kind._lost_shape
    monkeypatch.setattr(kind, "_lost_shape", lambda self, step: right(self, step) / 2)
    assert kept(stopped_runs(design, "centred", seeds=1)[0]) < SHARE


def test_the_correlation_of_two_runs_for_that_with_the_exact_map_is_noticed(monkeypatch):
    """The square root of the reliability is what counts; without it runs are far too long."""
    right = error_bar.Uncertainty.correlation
    expected = stopped_runs("iid", "centred", seeds=1, every=3)[1].mean()
    monkeypatch.setattr(
        error_bar.Uncertainty, "correlation", lambda self, step: right(self, step) ** 2
    )
    assert stopped_runs("iid", "centred", seeds=1, every=3)[1].mean() > 1.5 * expected


def test_looking_at_every_mask_from_the_first_on_is_noticed(monkeypatch):
    monkeypatch.setattr(stopping, "LEAST_MASKS", 16)
    monkeypatch.setattr(stopping, "STEP", 16)
    correlations, _ = stopped_runs("iid", "centred", seeds=2, tol=0.6)
    assert kept(correlations, 0.6) < SHARE
