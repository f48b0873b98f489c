"""What the benchmarks of quality count, and their tables, on made-up maps and results."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from bench.common import timing
from bench.quality import (
    maps,
    maps_photographs,
    photographs,
    to_quality,
    to_quality_photographs,
)
from bench.report import pages
from bench.report import peers as peers_report
from bench.report import quality as report
from bench.report.table import render
from fastxai.benchmark import Faithfulness
from fastxai.explainer import Occlusion
from fastxai.ops import MaskSpec, mask_grid


def test_fewest_is_the_first_number_within_the_limit():
    assert maps.fewest([256, 384, 512], [0.3, 0.1, 0.2], 0.15) == 384
    assert maps.fewest([256, 384, 512], [0.3, 0.1, 0.2], 0.05) is None


def test_energy_is_counted_above_the_least_value():
    saliency = np.full((4, 6), -2.0)
    saliency[1, 2] = 1.0  # 3 above the least
    saliency[3, 5] = -1.0  # 1 above it
    assert maps.energy_in_box(saliency, (0, 1, 2, 4)) == pytest.approx(0.75)
    assert maps.energy_in_box(saliency, (3, 5, 4, 6)) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("box", "hit"), [((1, 2, 2, 3), True), ((0, 0, 1, 6), False), ((1, 3, 4, 6), False)]
)
def test_a_hit_is_the_highest_pixel_in_the_box(box, hit):
    saliency = np.zeros((4, 6))
    saliency[1, 2] = 1.0
    assert maps.hits(saliency, box) is hit


def test_what_was_not_reached_is_above_all_numbers():
    assert maps.middle([512, None, 256, 384]) == {"q1": 384, "median": 512, "q3": None}
    assert maps.middle([None, None, 256])["median"] is None


def case(passes, correlation, pointing, ratio, probability):
    shared = {"energy": 0.5, "insertion": 0.7, "deletion": 0.8}
    kinds = [
        {"kind": "reference", "pointing": True, **shared},
        {
            "kind": "oa128 centred",
            "correlation": correlation,
            "masks_centred": passes,
            "masks_plain": 256,
            "masks_good": 640,
            "pointing": pointing,
            **shared,
        },
    ]
    noises = {"iid centred": 1.0, "oa128 centred": 1.0 / ratio}
    return {"kinds": kinds, "targets": [{"probability": probability, "noise": noises}]}


FOUND = [
    case(512, 0.90, True, 2.0, 0.1),
    case(None, 0.95, False, 8.0, 0.19),
    case(768, 0.99, True, 3.0, 1.0),
]


def test_the_summary_counts_hits_and_takes_medians():
    reference, row = maps.summary(FOUND)
    assert "masks_centred" not in reference
    assert reference["pointing"] == 1.0
    assert row["masks_centred"] == {"q1": 768, "median": 768, "q3": None}
    assert row["correlation"]["median"] == 0.95
    assert row["pointing"] == pytest.approx(2 / 3)


def test_gains_are_geometric_means_within_bins_of_probability():
    low, high = maps.gains(FOUND)
    assert (low["low"], low["high"], low["targets"]) == (0.05, 0.2, 2)
    assert low["gains"]["oa128 centred"]["mean"] == pytest.approx(4.0)
    assert (high["low"], high["targets"]) == (0.95, 1)
    assert high["gains"]["oa128 centred"]["mean"] == pytest.approx(3.0)


def test_tables_of_quality():
    result = {
        "settings": {"most": 8192, "masks": 1024, "base": 6000},
        "results": {"kinds": maps.summary(FOUND), "gains": maps.gains(FOUND)},
    }
    text = render(report.TABLES["quality"], result)
    assert "| reference |  |  |  |  | 0.500 (0.500 to 0.500) | 1.00 |" in text
    numbers = "768 (768 to > 8192) | 256 (256 to 256) | 640 (640 to 640)"
    assert f"| `oa128`, `centred` | {numbers} | 0.950" in text
    text = render(report.TABLES["quality_gains"], result)
    assert "| 0.05 to 0.2 | 2 | 4.00 (3.50 to 6.50) |" in text


def test_table_of_times_to_quality():
    middle = timing.summary
    row = {
        "network": "demo", "pictures": 3, "masks": 512, "engine": "openvino",
        "setup_s": {"fastxai": 1.25}, "installed_s": 600.0, "times_installed": 1200.0,
        "seconds": {"fastxai": middle([0.5]), "mindspore_xai": middle([10.0])},
        "correlation": {"fastxai": middle([0.97]), "mindspore_xai": middle([0.95])},
        "times": middle([20.0]),
    }  # fmt: skip
    text = render(report.TABLES["to_quality"], {"results": [row]})
    assert "| demo | 3 | 512, openvino | 0.970; 0.950 | 0.50 | 10.0 | 20.0 | 600; 1200 |" in text
    text = pages.text_of("readme_quality", {"to_quality": {"results": [row]}})
    assert "as good and 20 times as fast as mindspore_xai's on the demo's network" in text
    assert "(512 masks, 3 pictures; 1200 times as installed" in text


def test_time_to_a_map_of_photographs_is_masks_times_the_time_of_a_mask():
    """Twice the masks at 1.5 times the time are 3 times as slow."""
    ours, former = to_quality_photographs.OURS, to_quality_photographs.FORMER
    masks = {ours: [1000.0, 500.0], former: [2000.0, 1000.0]}
    seconds = {ours: [0.01], former: [0.015]}
    kind = to_quality_photographs.KINDS[former]
    row = to_quality_photographs.row_of("lite0", former, kind, "the former", masks, seconds)
    assert row["times"]["median"] == pytest.approx(3.0)
    settings = {"images": 64, "other_images": 8, "repeats": 1}
    result = {"results": [row], "settings": settings, "checks": ["2 maps correlate"]}
    text = render(report.TABLES["to_quality_photographs"], result)
    assert "| lite0 | the former | `oa128`, `centred` | 1500 (1250 to 1750) | 15.00 | 22.5 " in text
    assert "64 masks by fastxai and of 8 by others, 1 times in turns. 2 maps correlate." in text


def test_variance_of_a_mask_tells_the_noise_of_a_sum_and_of_a_ratio():
    """Against 1200 maps of 100 masks each, of independent pixels and a linear score."""
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 2, (120000, 6)).astype(np.float64)
    scores = (masks @ np.arange(6.0) + 1)[:, None] / 16
    parts, drawn = (scores * masks).reshape(1200, 100, 6), masks.reshape(1200, 100, 6)
    maps = {"plain": parts.mean(axis=1), "ratio": parts.sum(axis=1) / drawn.sum(axis=1)}
    for estimator, runs in maps.items():
        found = to_quality_photographs.variance_of_a_mask(scores, masks, estimator)[0] / 100
        shapes = runs - runs.mean(axis=1, keepdims=True)
        assert found == pytest.approx(shapes.var(axis=0).mean(), rel=0.1)


def test_signal_of_runs_is_that_of_the_converged_map():
    rng, shape = np.random.default_rng(0), np.linspace(0, 1, 24).reshape(4, 6)
    runs = 3 + shape + rng.normal(0, 0.5, (400, 2, 4, 6))
    found = to_quality_photographs.signal_of(runs)
    assert found == pytest.approx([shape.var()] * 2, rel=0.1)


SHAPE = np.add.outer(np.arange(8.0), 2 * np.arange(6.0))


def test_noise_between_runs_is_over_the_shape_alone_and_needs_no_reference():
    rng, errors = np.random.default_rng(0), 3.0
    runs = SHAPE + rng.normal(0, errors, (4000, 1, 8, 6)) + rng.normal(0, 50, (4000, 1, 1, 1))
    expected = errors**2 * (1 - 1 / 48) / SHAPE.var()  # its mean is no shape
    assert photographs.noise(runs) == pytest.approx([expected], rel=0.02)
    few = runs.reshape(2000, 2, 1, 8, 6)  # two runs at a time: a ratio of noisy figures
    halves = np.median([photographs.noise(pair)[0] for pair in few])
    assert halves == pytest.approx(expected, rel=0.1)


def test_masks_for_a_correlation_follow_from_noise_that_falls_as_one_over_masks():
    noise = 1 / 0.9**2 - 1  # of a map that correlates 0.9 with the converged one
    assert photographs.masks_for(0.9, noise, 512) == pytest.approx(512)
    assert photographs.masks_for(0.9, noise / 2, 512) == pytest.approx(256)
    assert photographs.masks_for(0.95, noise, 512) == pytest.approx(
        512 * (0.19 / 0.81) * 9.2564, 1e-4
    )


SPEC = MaskSpec(5, (120, 120), shift_range=(1, 1), design="oa128")


def test_a_run_is_stopped_at_the_look_at_which_it_is_sure():
    cells = mask_grid(SPEC, 0, 1024)[0]
    quiet = cells[:, 2, 3].astype(np.float32)[:, None]  # a score of one cell
    run = photographs.stopped_run(quiet, SPEC, 0, 0.9)
    assert (run["masks"], run["reached"]) == (512, True)
    loud = np.random.default_rng(1).normal(size=(1024, 1)).astype(np.float32)
    run = photographs.stopped_run(loud, SPEC, 0, 0.99)
    assert (run["masks"], run["reached"]) == (1024, False)


@pytest.mark.parametrize("design", ["oa128", "placed", "lattice"])
def test_a_later_run_knows_the_spread_of_its_own_blocks(design):
    spec = MaskSpec(7, (40, 48), design=design)
    scores = np.random.default_rng(2).random((2048, 1)).astype(np.float32)
    run = photographs.stopped_run(scores, spec, 768, 0.999)
    assert (run["masks"], run["freedom"]) == (1280, 9)
    blocks = np.stack(
        [photographs.map_of(scores, spec, at, 128)[0] for at in range(768, 2048, 128)]
    )
    np.testing.assert_allclose(run["map"], blocks.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(
        run["error"], blocks.std(axis=0, ddof=1) / np.sqrt(10), rtol=1e-9, atol=1e-12
    )


def test_runs_follow_one_another_and_the_last_unsure_one_is_left_out():
    cells = mask_grid(SPEC, 0, 1400)[0]
    quiet = cells[:, 2, 3].astype(np.float32)[:, None]
    assert [(first, run["masks"]) for first, run in photographs.stops(quiet, SPEC, 0.9)] == [
        (0, 512),
        (512, 512),
    ]
    loud = np.random.default_rng(1).normal(size=(1400, 1)).astype(np.float32)
    assert list(photographs.stops(loud, SPEC, 0.99)) == []


def test_a_reference_without_a_run_is_the_mean_of_the_other_masks():
    parts = np.random.default_rng(3).normal(size=(8, 4, 6))
    rest = photographs.without(parts.mean(axis=0), 8 * 128, parts[2:5].mean(axis=0), 3 * 128)
    np.testing.assert_allclose(rest, parts[[0, 1, 5, 6, 7]].mean(axis=0), rtol=1e-12)


def test_intervals_cover_within_quantiles_of_student():
    run = {"map": np.zeros((1, 4)), "error": np.ones((1, 4)), "freedom": 3}  # t: 3.182
    assert photographs.covered(run, np.array([[0.0, 3.1, -3.1, 3.3]])) == 0.75


def test_table_of_photographs():
    middle = timing.summary
    row = {
        "design": "placed", "maps": 12, "stopped": 23, "stopped_maps": 11, "kept": 1.0,
        "gain": {"mean": 1.45, "q1": 1.2, "q3": 1.6}, "masks_95": middle([400.0, 600.0]),
        "masks_98": middle([1200.0]), "stops": middle([768.0]), "true": middle([0.96]),
        "covered": 0.95,
    }  # fmt: skip
    text = render(report.TABLES["photographs"], {"settings": {"tol": 0.95}, "results": [row]})
    expected = (
        "| `placed` | 1.45 (1.20 to 1.60) | 500 (450 to 550) | 1200 | 23 on 11 of 12 maps "
        "| 1.000 | 768 | 0.960 | 0.950 |"
    )
    assert expected in text


def test_random_cells_are_smooth_and_random_pixels_are_not():
    cells, pixels = maps_photographs.random_maps(224)
    steps = [np.abs(np.diff(shown)).mean() / shown.std() for shown in (cells, pixels)]
    assert steps[0] < 0.1 < 1 < steps[1]


def row_of_photograph(rise: float, *, boxed: bool) -> dict:
    values = {
        kind: {
            f"{name} on {base}": 0.5
            for name in maps_photographs.METRICS
            for base in maps_photographs.BASES
        }
        for kind in maps_photographs.MAPS
        if boxed or kind != "Occlusion"
    }
    values["RISE over grey"]["insertion on grey"] = rise
    values["random pixels"]["insertion on grey"] = 0.55
    for kind in maps_photographs.MAPS if boxed else ():
        values[kind]["pointing"] = kind == "GradCAM"
    return {"photograph": "cat", "class": 3, "chance": 0.3 if boxed else 0.0, "values": values}


def test_maps_of_photographs_are_told_apart_where_rise_beats_both_random_maps():
    rows = [row_of_photograph(0.8, boxed=True), row_of_photograph(0.52, boxed=False)]
    found = maps_photographs.summary(rows)
    assert found["above_random"]["insertion on grey"] == 1
    assert found["above_random"]["deletion on blur"] == 0
    assert (found["rows"], found["pointed"], found["chance"]) == (2, 1, 0.3)
    text = render(report.TABLES["maps_photographs"], {"results": found})
    assert "| RISE over grey | 0.660 | 0.500 | 0.500 | 0.500 | 0 of 1 | 2 |" in text
    assert "| GradCAM | 0.500 | 0.500 | 0.500 | 0.500 | 1 of 1 | 2 |" in text
    assert "| Occlusion | 0.500 | 0.500 | 0.500 | 0.500 | 0 of 1 | 1 |" in text
    assert "insertion on grey 1, insertion on blur 0" in text


@pytest.mark.parametrize(("metric", "insertion"), [("InsertionAUC", True), ("DeletionAUC", False)])
def test_copies_of_a_photograph_are_those_of_faithfulness(metric, insertion):
    image = np.random.default_rng(4).normal(size=(3, 12, 12)).astype(np.float32)
    saliency = np.random.default_rng(5).random((12, 12))
    network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 12 * 12, 4))

    def score(copies):
        return nn.Softmax()(network(ms.Tensor(copies))).asnumpy()

    copies = maps_photographs.perturbed(image, saliency, np.float32(0.25), insertion, 1)
    change = score(copies)[1:, 2] - score(copies)[0, 2]
    inner = (change if insertion else -change)[1:-1].sum() / 12  # which leaves the ends out
    known = Faithfulness(4, nn.Softmax(), metric, base_value=0.25)
    shown = ms.Tensor(saliency[None, None].astype(np.float32))
    found = known.evaluate(Occlusion(network, nn.Softmax()), ms.Tensor(image[None]), 2, shown)
    np.testing.assert_allclose(found, [(1 + inner) / 2], atol=1e-6)


def test_a_map_is_judged_by_the_mean_change_of_every_nth_step():
    image = np.ones((1, 8, 8), np.float32)
    judge = maps_photographs.Judge(
        lambda copies: copies.mean(axis=(1, 2, 3))[:, None], image, every=4
    )
    found = judge(np.arange(64.0).reshape(8, 8), 0)  # of 64 pixels 16 and 32 on grey, 0
    assert found["insertion on grey"] == pytest.approx((1 + (0.25 + 0.5) / 2) / 2)
    assert found["deletion on grey"] == pytest.approx((1 + (0.25 + 0.5) / 2) / 2)
    assert found["insertion on blur"] == pytest.approx(0.5)  # which is the image here


def test_boxes_lie_in_the_photographs():
    for boxes in maps_photographs.BOXES.values():
        for top, left, bottom, right in boxes:
            assert 0 <= top < bottom <= 224
            assert 0 <= left < right <= 224


def test_the_fewest_masks_that_are_as_good_count():
    assert to_quality.fewest([640, 384, 512], [0.97, 0.93, 0.95], 0.95) == 2
    with pytest.raises(RuntimeError, match=r"640: 0.97.*mindspore_xai 0.98"):
        to_quality.fewest([640, 384], [0.97, 0.93], 0.98)


def test_tables_of_promises_and_of_sharing():
    middle = timing.summary
    row = {
        "design": "iid", "runs": 4, "stopped": 3, "kept": 1.0, "covered_mean": 0.951,
        "probability": middle([0.4]), "masks": middle([512.0, 1024.0]), "true": middle([0.96]),
    }  # fmt: skip
    text = render(report.TABLES["uncertainty"], {"settings": {"tol": 0.95}, "results": [row]})
    assert "of these above 0.94" in text
    assert "| `iid` | 0.40 | 3 of 4 | 1.000 | 768 (640 to 896) | 0.960 | 0.951 |" in text
    row = {
        "explainer": "rise", "engine": "openvino", "ratio": middle([1.01]),
        "seconds": {"one": middle([2.0]), "many": middle([2.02])},
    }  # fmt: skip
    assert "| RISE, openvino | 2.0 | 2.0 | 1.010 |" in render(
        peers_report.TABLES["sharing"], {"results": [row]}
    )
