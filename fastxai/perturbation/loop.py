"""The loop: batches of perturbed copies are scored until the maps of an image are done."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from fastxai.perturbation.backend import Backend
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.progress import Partial, Reporter
from fastxai.perturbation.run_state import RunState
from fastxai.perturbation.step import Step, Task


def explain_image(backend: Backend, task: Task, report: Reporter, kept: RunState) -> ImageResult:
    """Scores copies of one image until the stopping rule is content.

    Args:
        backend: Scores.
        task: The image.
        report: Is told of every batch.
        kept: Keeps what the image has, and may have some of it already.

    Raises:
        ValueError: A score is not finite.
    """
    plan, rule = task.plan, task.plan.rule
    step = backend.step(task)
    maps = plan.maps(step.tally, task.labels)
    check = functools.partial(step.tally.check, most=rule.most)
    look = _Look(_verified(step, maps.settled))
    done = added = step.restore(kept.begin(task.batch, backend.scored_by, check))
    while True:
        enough = rule.is_done(done, look)
        if enough:
            step.verify()
            report.drop(rule.most - done)
        if added:
            kept.tick(step.snapshot)
            units = plan.units_of(done)
            rough = _float32(_verified(step, maps.rough))
            so_far = Partial(task.index, units, rough, look.correlation)
            report(units - plan.units_of(done - added), so_far)
        if enough:
            return maps.result()
        added = min(task.batch, rule.next_look(done) - done)
        step(done, added)
        done += added


class _Look:
    """Predicted correlations of an image's maps, and what was last seen of them.

    Args:
        correlations: Predicts those (L,) of the maps so far.
    """

    def __init__(self, correlations: Callable[[], np.ndarray]) -> None:
        self._correlations = correlations
        self.correlation: float | None = None

    def __call__(self) -> np.ndarray:
        found = self._correlations()
        self.correlation = float(found.min())
        return found


def _verified(step: Step, make: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
    """The function, after a look at all scores so far."""

    def verified() -> np.ndarray:
        step.verify()
        return make()

    return verified


def _float32(make: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
    return lambda: np.asarray(make(), np.float32)
