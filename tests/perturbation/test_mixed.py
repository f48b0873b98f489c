"""RISE by a cheap and an exact scorer, both closed forms: the exact one's map is known."""

import functools
import itertools

import numpy as np
import pytest

from fastxai import reference
from fastxai.masks import mixed
from fastxai.ops import MaskSpec, mask_grid
from fastxai.perturbation import mixed as run
from fastxai.perturbation.mixed import MixedStep, MixedTally
from fastxai.perturbation.step import HostBatches, HostStep
from tests._contract import StoppedError, stop_at
from tests.perturbation.test_loop import Masks, NumpyBackend

SIZE, GRID = (14, 18), (5, 6)
PIXELS = SIZE[0] * SIZE[1]
ONES = np.ones((1, 1, *SIZE), np.float32)  # a copy is then its mask
RNG = np.random.default_rng(5)
SLOPES, PLANTED, LEFT, RIGHT, OFF_LEFT, OFF_RIGHT = RNG.normal(size=(6, PIXELS)) / PIXELS**0.5
RUNS = 60


def exact(batch):
    """Linear in the mask, and a product that makes noise and no map."""
    centred = batch.reshape(len(batch), -1) - 0.5
    return (centred @ SLOPES + (centred @ LEFT) * (centred @ RIGHT))[:, None].astype(np.float32)


def cheap(batch):
    """The exact score, off by a linear part, which would show in the map, and by a product."""
    centred = batch.reshape(len(batch), -1) - 0.5
    off = 0.15 * (centred @ PLANTED) + 0.1 * (centred @ OFF_LEFT) * (centred @ OFF_RIGHT)
    return exact(batch) + off[:, None].astype(np.float32)


def covariance():
    """Of the pixels of a mask, over cells that are fair coins and all shifts."""
    cells = np.eye(GRID[0] * GRID[1]).reshape(-1, *GRID).astype(np.uint8)
    up_size = MaskSpec(0, SIZE, GRID).up_size
    found = np.zeros((PIXELS, PIXELS))
    for shift in itertools.product(range(11), range(11)):
        shifts = np.tile(np.array(shift, np.int32), (len(cells), 1))
        of_cells = reference.mask_upsample(cells, shifts, SIZE, up_size).reshape(len(cells), -1)
        found += 0.25 * of_cells.T @ of_cells / 121
    return found


COVARIANCE = covariance()
# E[f M]; the product has no covariance with a mask, since coins less a half are symmetric.
EXPECTED = (COVARIANCE @ SLOPES + 0.5 * LEFT @ COVARIANCE @ RIGHT).reshape(SIZE)


class PairBackend(NumpyBackend):
    """Two scorers, and how often each was asked."""

    most = 32
    cheap, exact = staticmethod(cheap), staticmethod(exact)

    def batch(self, image, plan, most):
        return self.most

    def step(self, task):
        def counted(score, name):
            def scores(batch):
                self.batches.append(name)
                return score(batch)

            return scores

        tally = MixedTally(task.plan.spec, len(task.labels), task.plan.rule.most, "RISE")
        pair = counted(self.cheap, "cheap"), counted(self.exact, "exact")
        return MixedStep(task, tally, *pair)


class Mixed(Masks):
    """RISE in precision 'mixed'."""

    def __init__(self, backend=PairBackend, **options):
        self._kind = backend
        defaults = {"grid_size": GRID, "base_value": 0.0, "estimator": "centred",
                    "design": "placed", "num_masks": 1024}  # fmt: skip
        super().__init__(**{**defaults, **options})

    def _make_backend(self):
        return self._kind()

    def _is_mixed(self):
        return True


def explained(**options):
    return Mixed(**options)(ONES, [0], ret="result", show=False)


class Alone(NumpyBackend):
    """The exact scorer alone."""

    def step(self, task):
        return HostStep(task, task.plan.tally(1), HostBatches(task, exact))


class Single(Mixed):
    """RISE in one precision."""

    def _is_mixed(self):
        return False


def explained_alone(**options):
    return Single(backend=Alone, **options)(ONES, [0], ret="result", show=False)


def misfit(maps):
    """Mean square over the pixels of the mean map's error, in its standard errors; 1: unbiased."""
    off = np.mean(maps, axis=0) - EXPECTED
    return np.mean(off**2 / (np.var(maps, axis=0, ddof=1) / len(maps)))


@functools.cache
def results(design):
    return [explained(seed=seed, design=design) for seed in range(RUNS)]


DESIGNS = ["oa128", "placed", "lattice"]


@pytest.mark.parametrize("design", DESIGNS)
def test_the_expected_map_is_the_exact_scorers(design):
    assert misfit([found.saliency[0, 0] for found in results(design)]) < 2.5


def test_the_cheap_scorers_own_map_is_another():
    class Cheap(Alone):
        def step(self, task):
            return HostStep(task, task.plan.tally(1), HostBatches(task, cheap))

    maps = [
        Single(backend=Cheap, seed=seed)(ONES, [0], ret="result", show=False).saliency[0, 0]
        for seed in range(RUNS)
    ]
    assert misfit(maps) > 4


def test_a_correction_with_a_coefficient_below_1_is_caught(monkeypatch):
    weights = mixed.MixedBlocks._weights
    monkeypatch.setattr(mixed.MixedBlocks, "_weights", lambda *args: 0.7 * weights(*args))
    maps = [explained(seed=seed).saliency[0, 0] for seed in range(RUNS)]
    assert misfit(maps) > 4


def coverage(found):
    """Share of the pixels that 95 % intervals cover."""
    covered = []
    for each in found:
        low, high = each.interval(0.95)
        covered.append((low[0, 0] <= EXPECTED) & (high[0, 0] >= EXPECTED))
    return np.mean(covered)


@pytest.mark.parametrize(("design", "most"), [("oa128", 0.99), ("placed", 0.99), ("lattice", 1)])
def test_intervals_cover_the_exact_scorers_map(design, most):
    assert 0.92 < coverage(results(design)) <= most


def far_apart(monkeypatch):
    """Explanations with few exact blocks though the scorers differ much."""

    class Rough(PairBackend):
        @staticmethod
        def cheap(batch):
            centred = batch.reshape(len(batch), -1) - 0.5
            off = 4 * (centred @ OFF_LEFT) * (centred @ OFF_RIGHT)
            return exact(batch) + off[:, None].astype(np.float32)

    monkeypatch.setattr(run, "blocks_apart", lambda *scores: 9)
    return [explained(backend=Rough, seed=seed, num_masks=1792) for seed in range(30)]


def test_intervals_cover_where_the_correction_makes_most_of_the_noise(monkeypatch):
    assert 0.92 < coverage(far_apart(monkeypatch)) < 0.99


def test_an_error_bar_that_leaves_out_the_correction_is_caught(monkeypatch):
    parts = mixed.MixedBlocks._parts

    def wrong(self, count, every, double, off):
        total, of_off = parts(self, count, every, double, off)
        return total - of_off, of_off

    monkeypatch.setattr(mixed.MixedBlocks, "_parts", wrong)
    assert coverage(far_apart(monkeypatch)) < 0.85


@pytest.mark.parametrize("design", ["placed", "lattice"])
def test_a_run_that_stops_by_itself_keeps_its_promise(design):
    kept, masks = [], []
    for seed in range(RUNS):
        found = explained(seed=seed, design=design, num_masks="auto", tol=0.95, max_masks=8192)
        kept.append(np.corrcoef(found.saliency[0, 0].ravel(), EXPECTED.ravel())[0, 1] > 0.94)
        masks.append(found.num_masks[0])
    assert np.mean(kept) >= 0.95
    assert max(masks) < 8192


@pytest.mark.parametrize("apart", mixed._APART)
def test_exact_blocks_of_a_lattice_lie_at_shifts_as_even_as_independent_ones(apart):
    """Else the correction is known at few shifts only, and its error bar does not show it."""
    rows = []
    for seed in range(40):
        spec = MaskSpec(seed, SIZE, GRID, 0.5, (11, 11), "lattice")
        blocks = [mixed.PILOT + apart * block for block in range(8)]
        shifts = [mask_grid(spec, 128 * block, 1)[1][0] for block in blocks]
        rows.append(np.mean(shifts, axis=0))
    independent = (11**2 - 1) / 12 / 8
    assert (np.var(rows, axis=0) < independent).all()


def test_equal_scorers_need_few_exact_blocks_and_give_the_map_of_one_alone():
    class Same(PairBackend):
        cheap = staticmethod(exact)

    options = {"seed": 2, "num_masks": 4096}
    found, one = explained(backend=Same, **options), explained_alone(**options)
    np.testing.assert_array_equal(found.saliency, one.saliency)
    np.testing.assert_allclose(found.standard_error, one.standard_error, rtol=1e-6)
    assert found.exact_masks.tolist() == [5 * 128]  # the pilot, blocks 2, 15 and 28


class Useless(PairBackend):
    """Its cheap scorer errs by four times its score."""

    @staticmethod
    def cheap(batch):
        return 3 * cheap(batch) - 4 * exact(batch)


@pytest.mark.parametrize("number", [1024, 1000, "auto"])
def test_a_useless_cheap_scorer_is_left_out_and_the_run_is_that_of_the_exact_one(number, caplog):
    backends = []

    class Noted(Useless):
        def __init__(self):
            super().__init__()
            backends.append(self)

    with caplog.at_level("WARNING", "fastxai"):  # the command line's tests have raised it
        found = explained(backend=Noted, seed=1, num_masks=number)
    alone = explained_alone(seed=1, num_masks=number)
    for name in ("saliency", "standard_error", "num_masks", "correlation"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))
    assert found.exact_masks.tolist() == found.num_masks.tolist()
    assert sum(backend.batches.count("cheap") for backend in backends) == 256 / 32
    assert "float32 scores it alone" in caplog.text


def test_the_target_that_gains_least_decides():
    class Two(PairBackend):
        cheap = staticmethod(lambda batch: np.hstack([exact(batch), Useless.cheap(batch)]))
        exact = staticmethod(lambda batch: np.repeat(exact(batch), 2, axis=1))

    both = Mixed(backend=Two)(ONES, [[0, 1]], ret="result", show=False)
    assert both.exact_masks.tolist() == both.num_masks.tolist()
    one = Mixed(backend=Two)(ONES, [0], ret="result", show=False)
    assert one.exact_masks[0] < one.num_masks[0]


@pytest.mark.parametrize("number", [1024, 1000])
@pytest.mark.parametrize("size", [7, 128, 500])
def test_bits_do_not_depend_on_the_batch_size(size, number):
    class Other(PairBackend):
        most = size

    found, other = explained(num_masks=number), explained(num_masks=number, backend=Other)
    for name in ("saliency", "standard_error", "exact_masks", "correlation"):
        np.testing.assert_array_equal(getattr(found, name), getattr(other, name))


@pytest.mark.parametrize("ends_at", [2, 6, 8, 9, 13])
@pytest.mark.parametrize(
    "options",
    [{}, {"num_masks": "auto", "tol": 0.9, "design": "lattice"}, {"backend": Useless}],
)
def test_a_resumed_run_gives_the_same_bits(ends_at, options, tmp_path):
    state = tmp_path / "run"
    expected = explained(**options)
    assert ends_at * 32 < expected.num_masks[0]
    with pytest.raises(StoppedError):
        Mixed(**options)(
            ONES, [0], ret="result", show=False, state=state, progress=stop_at(ends_at)
        )
    for _ in range(2):  # goes on, then reads what is done
        found = Mixed(**options)(ONES, [0], ret="result", show=False, state=state)
        for name in ("saliency", "standard_error", "exact_masks", "num_masks"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("wrong", ["none", "short", "long", "nan"])
def test_a_state_with_other_exact_scores_is_refused(wrong):
    def tally():
        return MixedTally(MaskSpec(0, SIZE, GRID, 0.5, (11, 11), "placed"), 1, 1024, "RISE")

    made = tally()
    for first in range(0, 640, 128):
        cheap_scores = RNG.normal(size=(128, 1)).astype(np.float32)
        own = cheap_scores + np.float32(0.01) * RNG.normal(size=(128, 1)).astype(np.float32)
        assert made.add_mixed(lambda: cheap_scores, lambda: own, first, 128) == -1  # noqa: B023
    snapshot = made.snapshot()
    tally().check(snapshot, 1024)
    kept = snapshot.pop("exact")
    edits = {"none": kept[:0], "short": kept[:-1], "long": np.vstack([kept, kept]),
             "nan": kept * np.nan}  # fmt: skip
    with pytest.raises(ValueError, match=r"exact scores|not finite"):
        tally().check(snapshot | {"exact": edits[wrong]}, 1024)


def test_exact_masks_are_kept_in_a_file(tmp_path):
    found = explained()
    found.save(tmp_path / "file")
    loaded = type(found).load(tmp_path / "file")
    np.testing.assert_array_equal(loaded.exact_masks, found.exact_masks)
    assert 3 * 128 <= loaded.exact_masks[0] < loaded.num_masks[0]


def test_scores_of_either_scorer_that_are_not_finite_end_the_run():
    class Cheap(PairBackend):
        cheap = staticmethod(lambda batch: np.full((len(batch), 1), np.nan, np.float32))

    class Exact(PairBackend):
        exact = staticmethod(lambda batch: np.full((len(batch), 1), np.inf, np.float32))

    for backend in (Cheap, Exact):
        with pytest.raises(ValueError, match=r"not finite for masks 0\.\.31"):
            explained(backend=backend)


@pytest.mark.parametrize(
    "options",
    [{"design": "iid"}, {"num_masks": 511}, {"estimator": "plain"}, {"mask_probability": 0.4,
     "design": None}],
)  # fmt: skip
def test_runs_without_blocks_say_what_to_do(options):
    with pytest.raises(ValueError, match=r"'mixed' needs blocks .* or precision 'float32'"):
        Mixed(**options)
