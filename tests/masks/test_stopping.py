"""num_masks='auto': where a run stops, and that nothing but the masks decides it."""

import logging
import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai import models
from fastxai.explainer import RISE
from fastxai.masks.stopping import StoppingRule
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.explainer import _polynomial as boxes
from tests.explainer.test_contract import RISEPlusOf

IMAGES = np.random.default_rng(0).normal(1.0, 0.2, (2, 3, 24, 20)).astype(np.float32)
BOTH = ms.Tensor(IMAGES)


class Tiles(nn.Cell):
    """Classes that look at one part of the image each, small ones and large ones."""

    def __init__(self) -> None:
        super().__init__()
        weight = np.random.default_rng(3).normal(0, 0.02, (5, 3, 24, 20))
        for label in range(5):
            side = 3 + 3 * label
            weight[label, :, label : label + side, 2 * label : 2 * label + side] += 0.1 / side
        self.linear = networks.Linear(weight)

    def construct(self, x):
        return self.linear(x)


def auto(per_eval=64, network=None, **options):
    """Takes 512 masks for some of the images and targets, and more for others."""
    network = Tiles() if network is None else network
    tol = {"oa128": 0.997, "lattice": 0.998}.get(options.get("design"), 0.983)
    options = {"num_masks": "auto", "tol": tol, "seed": 3, "design": "iid", **options}
    return RISE(network, nn.Softmax(), per_eval, **options)


KINDS = [
    ("iid", "centred"),
    ("iid", "control-variate"),
    ("oa128", "centred"),
    ("oa128", "plain"),
    ("lattice", "centred"),
]


@pytest.mark.parametrize(("design", "estimator"), KINDS)
def test_the_map_is_that_of_as_many_masks(mode, design, estimator):
    options = {"design": design, "estimator": estimator}
    found = auto(**options)(BOTH, 2, ret="result")
    for index, number in enumerate(found.num_masks):
        assert 512 <= number < 6000
        assert number % 256 == 0
        rise = auto(num_masks=int(number), **options)
        saliency = rise(BOTH[index : index + 1], 2).asnumpy()
        assert_close(found.saliency[index], saliency[0], atol=NETWORK_ATOL)
    assert (found.correlation >= found.tol).all()
    assert found.reached.tolist() == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("design", ["iid", "lattice"])
def test_the_same_number_of_masks_for_any_batch_size(mode, design):
    runs = [
        auto(per_eval, design=design)(BOTH, [[2, 1], [0, 4]], ret="result")
        for per_eval in (256, 1000, 100, 7)
    ]
    for run in runs[1:]:
        assert run.num_masks.tolist() == runs[0].num_masks.tolist()
        assert_close(run.saliency, runs[0].saliency, atol=NETWORK_ATOL)


def test_the_same_bits_for_any_number_of_threads(threads):
    runs = []
    for number in (1, 3):
        threads(number)
        runs.append(auto(design="oa128")(BOTH, 2, ret="result"))
    np.testing.assert_array_equal(runs[0].saliency, runs[1].saliency)
    np.testing.assert_array_equal(runs[0].num_masks, runs[1].num_masks)


def test_an_image_has_the_same_number_alone_and_in_company():
    together = auto()(BOTH, [2, 4], ret="result")
    for index, target in enumerate((2, 4)):
        alone = auto()(BOTH[index : index + 1], target, ret="result")
        assert alone.num_masks[0] == together.num_masks[index]
        np.testing.assert_array_equal(alone.saliency[0], together.saliency[index])


def test_it_goes_on_until_every_target_is_sure():
    rise = models.RISE(boxes.Polynomial(), None, 256, num_masks="auto", seed=3)
    alone = [rise(boxes.image(), box, ret="result").num_masks[0] for box in (0, 3, 6)]
    together = rise(boxes.image(), [[0, 3, 6]], ret="result").num_masks[0]
    assert together == max(alone) > min(alone)


def test_a_higher_tol_takes_more_masks():
    numbers = [auto(tol=tol)(BOTH[:1], 2, ret="result").num_masks[0] for tol in (0.9, 0.98, 0.99)]
    assert numbers == sorted(numbers)
    assert numbers[0] < numbers[-1]


def test_one_compiled_step_serves_all_looks():
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        rise = auto(100, design="oa128")
        found = rise(BOTH, 1, ret="result")
        assert found.num_masks.max() > 512
        (step,) = rise._backend.compiled
        assert len(step.compile_cache) == 1
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


def test_riseplus_stops_too(mode):
    plus = RISEPlusOf(networks.SmallConv(), nn.Softmax(), 64, num_masks="auto", tol=0.3, seed=0)
    found = plus(BOTH, 1, ret="result")
    assert (found.num_masks % 256 == 0).all()
    assert (found.num_masks >= 512).all()
    assert found.explainer == "RISEPlusOf"


def test_at_the_ceiling_it_stops_and_says_so(caplog):
    rise = auto(64, tol=0.9999, max_masks=700)
    with caplog.at_level(logging.WARNING, "fastxai"):
        found = rise(ms.Tensor(IMAGES[:1]), 0, ret="result")
    assert found.num_masks.tolist() == [700]
    assert found.reached.tolist() == [False]
    (record,) = [r for r in caplog.records if "max_masks" in r.getMessage()]
    assert "RISE: stopped at max_masks, 700 masks" in record.getMessage()


def test_the_ceiling_of_a_plain_sum_of_blocks_is_the_last_whole_block():
    rise = auto(tol=0.9999, max_masks=700, design="oa128", estimator="plain")
    assert rise(ms.Tensor(IMAGES[:1]), 0, ret="result").num_masks.tolist() == [640]


def test_a_run_stops_by_itself_where_no_number_was_given():
    found = RISE(Tiles(), nn.Softmax(), 64, seed=3)(BOTH, 2, ret="result")
    named = auto(num_masks="auto", tol=0.95, max_masks=6000, design=None)(BOTH, 2, ret="result")
    assert found.tol == 0.95
    np.testing.assert_array_equal(found.num_masks, named.num_masks)
    np.testing.assert_array_equal(found.saliency, named.saliency)


def test_a_number_is_a_number():
    found = RISE(Tiles(), nn.Softmax(), 64, num_masks=640, seed=3)(BOTH, 2, ret="result")
    assert found.num_masks.tolist() == [640, 640]
    assert found.tol is None


def test_progress_is_told_the_correlation_of_the_last_look():
    seen = []
    found = auto()(
        BOTH, [[2, 1], [0, 4]], ret="result",
        progress=lambda done, total, partial: seen.append(partial),
    )  # fmt: skip
    for image, (masks, correlation) in enumerate(
        zip(found.num_masks, found.correlation.min(axis=1), strict=True)
    ):
        own = {partial.done: partial.correlation for partial in seen if partial.image == image}
        assert all((own[done] is None) == (done < 512) for done in own)
        assert own[masks] == pytest.approx(correlation)
        between = {value for done, value in own.items() if 512 <= done < 768}
        assert len(between) == 1  # of a look at 512, until the next


def test_the_bar_shows_it(capsys):
    auto(tol=0.5)(BOTH, 2, progress=True)
    assert re.search(r"correlation 0\.\d{3}", capsys.readouterr().err)


def test_the_bar_says_nothing_of_it_where_the_number_is_fixed(capsys):
    auto(num_masks=512)(BOTH, 2, progress=True)
    assert "correlation" not in capsys.readouterr().err


def test_a_run_that_reached_tol_warns_of_nothing(caplog):
    with caplog.at_level(logging.WARNING, "fastxai"):
        auto(tol=0.5)(BOTH, 1)
    assert caplog.records == []


def test_num_masks_may_be_set_to_auto_and_back():
    rise = auto(num_masks=40)
    rise._num_masks = "auto"
    assert rise(BOTH, 1, ret="result").num_masks.min() >= 512
    rise._num_masks = 30
    assert rise(BOTH, 1, ret="result").num_masks.tolist() == [30, 30]


def test_progress_ends_at_a_total_that_shrinks():
    seen = []
    found = auto()(BOTH, 1, ret="result", progress=lambda done, total: seen.append((done, total)))
    assert seen[0][1] == 2 * 6000
    assert seen[-1] == (found.num_masks.sum(), found.num_masks.sum())
    totals = [total for _, total in seen]
    assert totals == sorted(totals, reverse=True)


@pytest.mark.parametrize("most", [512, 600, 1024, 8192])
def test_looks_are_at_fixed_numbers_of_masks(most):
    rule = StoppingRule(most, 0.95)
    done, ends = 0, []
    while done < most:
        done = rule.next_look(done)
        ends.append(done)
    assert ends == [*range(256, most, 256), most]
    looks = []

    def correlations():
        looks.append(number)
        return np.zeros(1)

    for number in range(most + 1):
        assert rule.is_done(number, correlations) == (number == most)
    assert looks == list(range(512, most, 256))


def test_a_fixed_number_of_masks_is_never_looked_at():
    rule = StoppingRule(6000)
    assert rule.next_look(0) == 6000
    assert not rule.is_done(512, lambda: pytest.fail("it was looked at"))


def test_there_is_a_margin_for_predictions_that_are_too_good():
    rule = StoppingRule(8192, 0.95)
    needed = np.sqrt(1 - 0.0975 / 1.15)
    assert not rule.is_reached(np.array([0.99, needed - 1e-9]))
    assert rule.is_reached(np.array([0.99, needed + 1e-9]))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"num_masks": "many"}, ValueError, "`num_masks` must be an int or 'auto', got 'many'"),
        ({"tol": 1.0}, ValueError, r"`tol` must be in \(0, 1\), got 1.0"),
        ({"tol": 0}, ValueError, r"`tol` must be in \(0, 1\), got 0"),
        ({"tol": "0.9"}, TypeError, "`tol` must be a float, got str"),
        ({"tol": True}, TypeError, "`tol` must be a float, got bool"),
        ({"max_masks": 511}, ValueError, r"`max_masks` must be in \[512,"),
        ({"max_masks": 1e4}, TypeError, "`max_masks` must be an int, got float"),
        (
            {"design": "oa128", "estimator": "control-variate"},
            ValueError,
            "'auto' need an error bar, and there is none for `design` 'oa128'",
        ),
    ],
)
def test_constructor_refuses(options, error, words):
    with pytest.raises(error, match=words):
        auto(**options)


@pytest.mark.slow
@pytest.mark.statistical
def test_boxes_have_the_maps_they_say():
    """The closed form of the black boxes against many masks."""
    every = [list(range(boxes.BOXES))]
    rise = models.RISE(boxes.Polynomial(), None, 256, num_masks=2**15, seed=1, design="oa128")
    found = rise(boxes.image(), every, ret="result")
    error = (found.saliency[0] - boxes.exact_maps()) / found.standard_error[0]
    assert (error**2).mean() < 1.5
    assert np.abs(error).max() < 6
