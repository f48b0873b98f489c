"""The loop over a backend of NumPy alone: no framework is needed, and none is known."""

from contextlib import nullcontext

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops import MaskSpec
from fastxai.perturbation.backend import Backend, ScoredBy
from fastxai.perturbation.batches import even_batch
from fastxai.perturbation.explainer import PerturbationExplainer, array_digest
from fastxai.perturbation.random_masks import RandomMasks
from fastxai.perturbation.step import HostBatches, HostStep
from fastxai.perturbation.windows import Windows
from fastxai.system.call_lock import CallLock
from tests._compare import MAP_ATOL, assert_close
from tests._contract import StoppedError, stop_at, watch

RNG = np.random.default_rng(8)
IMAGES = RNG.normal(size=(2, 2, 14, 18)).astype(np.float32)
SIZE = IMAGES[0].size
WEIGHT = (RNG.normal(size=(3, SIZE)) / SIZE**0.5).astype(np.float32)  # for scores of about 1


def scores_of(batch):
    """Scores (M, 3) of a linear network."""
    return np.asarray(batch, np.float32).reshape(len(batch), -1) @ WEIGHT.T


class LateStep(HostStep):
    """Looks at scores only when it is asked to, as on a GPU."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.late = None

    def __call__(self, first, count):
        try:
            super().__call__(first, count)
        except ValueError as error:
            self.late = self.late or error

    def verify(self):
        if self.late is not None:
            raise self.late


class NumpyBackend(Backend):
    """Scores by `scores_of`; from a batch on by NaN."""

    step_kind = HostStep
    first_bad = 10**9

    def __init__(self):
        super().__init__("RISE")
        self.batches = []

    def ready(self):
        return nullcontext()

    def images(self, inputs):
        return inputs

    def scoring(self, images):
        return nullcontext()

    def class_scores(self, images):
        return scores_of(images)

    def batch(self, image, plan, most):
        return even_batch(plan.rule.segment, 8 if plan.unit == "window" else 32)

    def step(self, task):
        def score(batch):
            self.batches.append(len(batch))
            good = len(self.batches) < self.first_bad
            return scores_of(batch) if good else np.full((len(batch), 3), np.nan, np.float32)

        tally = task.plan.tally(len(task.labels))
        return self.step_kind(task, tally, HostBatches(task, score))

    @property
    def scored_by(self):
        return ScoredBy("numpy", "float32", "NumPy in float32")

    def identity(self, images):
        return {"images": array_digest(images), "network": array_digest(WEIGHT)}

    def tensor(self, maps, images):
        return maps


class Base(PerturbationExplainer):
    """An explainer without a network."""

    def __init__(self):
        self._network = self._activation_fn = None
        self._update_backend()
        self._lock = CallLock()
        self._perturbation_per_eval = 32

    def _make_backend(self):
        return NumpyBackend()


class Masks(RandomMasks, Base):
    """RISE."""

    def __init__(self, **options):
        super().__init__()
        defaults = {
            "num_masks": 300, "tol": 0.95, "max_masks": 2048, "mask_probability": 0.5,
            "grid_size": 6, "base_value": 0.25, "seed": 3, "estimator": "plain", "design": "iid",
        }  # fmt: skip
        self._set_masks(**{**defaults, **options})


class Covered(Windows, Base):
    """Occlusion."""

    def __init__(self):
        super().__init__()
        self._set_windows((4, 5), (3, 4), 0.25)


def masked(image, count):
    """Masks (count, H, W) and the scores of the copies, by the reference."""
    spec = MaskSpec(3, image.shape[1:], (6, 6))
    coarse = reference.mask_grid(3, 0, count, (6, 6), spec.threshold, spec.shift_range, "iid")
    masks = reference.mask_upsample(*coarse, spec.size, spec.up_size)
    return masks[:, 0], scores_of(reference.masked_product(image, masks, np.full(2, 0.25)))


def test_masks_give_the_map_of_the_formula():
    maps = Masks()(IMAGES, [[0, 2]] * len(IMAGES), show=False)
    for saliency, image in zip(maps, IMAGES, strict=True):
        masks, scores = masked(image, 300)
        expected = np.einsum("ml,myx->lyx", scores[:, [0, 2]].astype(float), masks) / 300
        assert_close(saliency, expected, atol=MAP_ATOL)


def test_windows_give_the_map_of_the_formula():
    maps = Covered()(IMAGES, 1, show=False)
    spec = {"window": (4, 5), "strides": (3, 4)}
    for saliency, image in zip(maps, IMAGES, strict=True):
        rows, cols = reference.occlusion_grid((14, 18), **spec)
        copies = reference.occlusion_fill(image, np.full(2, 0.25), -1, 1 + rows * cols, **spec)
        scores = scores_of(copies)[:, [1]].astype(float)
        expected = np.abs(reference.occlusion_sum((scores[:1] - scores[1:]).T, (14, 18), **spec))
        assert_close(saliency, expected, atol=MAP_ATOL)


def test_without_targets_the_top_class_is_explained():
    explainer = Masks()
    top = scores_of(IMAGES).argmax(axis=1)
    maps = explainer(IMAGES, show=False)
    expected = [Masks()(IMAGES, label, show=False)[k] for k, label in enumerate(top)]
    np.testing.assert_array_equal(maps, expected)


@pytest.mark.parametrize("make", [Masks, Covered])
def test_progress_counts_units_and_not_the_image_itself(make):
    seen = []
    make()(IMAGES, 0, show=False, progress=watch(seen))
    assert seen[-1] == 2 * (300 if make is Masks else 4 * 4)


@pytest.mark.parametrize("make", [Masks, Covered])
@pytest.mark.parametrize("ends_at", [1, 2])
def test_a_resumed_run_scores_only_what_is_left(make, ends_at, tmp_path):
    whole = make()
    expected = whole(IMAGES, [[0, 1]] * len(IMAGES), show=False)
    with pytest.raises(StoppedError):
        make()(
            IMAGES,
            [[0, 1]] * len(IMAGES),
            show=False,
            state=tmp_path / "run",
            progress=stop_at(ends_at),
        )
    rest = make()
    maps = rest(IMAGES, [[0, 1]] * len(IMAGES), show=False, state=tmp_path / "run")
    np.testing.assert_array_equal(maps, expected)
    assert len(rest._backend.batches) == len(whole._backend.batches) - ends_at


def test_scores_that_are_not_finite_end_the_run_at_once():
    explainer = Masks()
    explainer._backend.first_bad = 3
    with pytest.raises(ValueError, match=r"Masks: .* not finite for masks 60\.\.89"):
        explainer(IMAGES, 0, show=False)
    assert len(explainer._backend.batches) == 3


def test_a_step_that_looks_late_names_the_same_masks_at_the_end():
    explainer = Masks()
    explainer._backend.first_bad = 3
    explainer._backend.step_kind = LateStep
    with pytest.raises(ValueError, match=r"Masks: .* not finite for masks 60\.\.89"):
        explainer(IMAGES, 0, show=False)
    assert len(explainer._backend.batches) == 10  # all of the first image


def test_a_map_so_far_and_a_look_are_of_verified_scores():
    explainer = Masks()
    explainer._backend.first_bad = 3
    explainer._backend.step_kind = LateStep
    with pytest.raises(ValueError, match="not finite"):
        explainer(IMAGES, 0, show=False, progress=lambda done, total, partial: partial.saliency())
    assert len(explainer._backend.batches) == 3
    looks = Masks(num_masks="auto", tol=0.999)
    looks._backend.first_bad = 3
    looks._backend.step_kind = LateStep
    with pytest.raises(ValueError, match="not finite"):
        looks(IMAGES, 0, show=False)
    assert sum(looks._backend.batches) == 512  # the first look


def test_another_engine_may_not_go_on_with_a_run(tmp_path, monkeypatch):
    with pytest.raises(StoppedError):
        Masks()(IMAGES, 0, show=False, state=tmp_path / "run", progress=stop_at(2))
    other = property(lambda self: ScoredBy("numpy", "float16", "NumPy in float16"))
    monkeypatch.setattr(NumpyBackend, "scored_by", other)
    with pytest.raises(ValueError, match=r"was scored by NumPy in float32, and now .* in float16"):
        Masks()(IMAGES, 0, show=False, state=tmp_path / "run")


@pytest.mark.parametrize("make", [Masks, Covered])
@pytest.mark.parametrize("value", [0, -3, "auto", 1.5, None])
def test_a_wrong_batch_size_that_a_script_sets_is_an_error(make, value):
    explainer = make()
    explainer._perturbation_per_eval = value
    with pytest.raises((TypeError, ValueError), match=r"`perturbation_per_eval` must be"):
        explainer(IMAGES, 0, show=False)


@pytest.mark.parametrize("value", [0, -1, "many", 1.5, None])
def test_a_wrong_number_of_masks_that_a_script_sets_is_an_error(value):
    explainer = Masks(estimator="centred")
    explainer._num_masks = value
    with pytest.raises((TypeError, ValueError), match=r"Masks: `num_masks` must be"):
        explainer(IMAGES, 0, show=False)
