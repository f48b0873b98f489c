"""One image of many: its class scores, alone or with others', its maps, and its masks in ranges.

A range of masks gives scores, not sums: they are a few numbers a mask, and whoever has those of all
ranges adds them in the order of the masks, as the one loop does. So the maps have the same bits
wherever the ranges were scored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.perturbation.explainer import RESULT, PerturbationExplainer
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.plan import MaskPlan, Plan
from fastxai.perturbation.step import Task


@dataclass(frozen=True)
class _KeptPlan(MaskPlan):
    """Masks whose scores are all kept."""

    @property
    def keeps_scores(self) -> bool:
        return True


class OneImage:
    """Calls of an explainer that are about one image.

    Args:
        explainer: RISE, RISEPlus or Occlusion, of MindSpore or PyTorch, with a seed.
        inputs: Tensor (1, C, H, W); for `scores_of_batch` (M, C, H, W).
        unsure: Whether it has to be known how sure the maps are.
    """

    def __init__(self, explainer: PerturbationExplainer, inputs: Any, unsure: bool) -> None:
        self._explainer = explainer
        self._inputs = inputs
        self._unsure = unsure

    def class_scores(self) -> np.ndarray:
        """The network's activated scores (K,) float32."""
        return self.all_class_scores()[0]

    def all_class_scores(self) -> np.ndarray:
        """Activated scores (M, K) float32 of images (M, C, H, W), each scored by itself."""
        with self._scoring() as images:
            return self._explainer._backend.class_scores(images)

    def batch(self) -> int:
        """Copies that are scored at a time."""
        with self._scoring() as images:
            return self._batch(images, self._plan(images))

    def by_engine(self) -> bool:
        """Whether calls of copies of the explainer, in several threads, take less time."""
        with self._scoring() as images:
            backend, plan = self._explainer._backend, self._plan(images)
            batch = self._batch(images, plan)
            return backend.overlaps and backend.scores_by_engine(images[0], plan, batch)

    def scores_of_batch(self) -> np.ndarray | None:
        """Activated scores (M, K) of images (M, C, H, W) in one pass; None: no engine has them."""
        with self._scoring() as images:
            return self._explainer._backend.scores_together(images, self._plan(images))

    def facts(self) -> dict[str, Any]:
        """Settings that maps depend on, without the image, in kinds that JSON has."""
        explainer = self._explainer
        with self._scoring() as images:
            plan = self._plan(images)
            ret = RESULT if self._unsure else "tensor"
            known = explainer._facts(images, np.zeros((1, 1), np.int64), plan, ret)()
        return {name: fact for name, fact in known.items() if name not in ("images", "targets")}

    def cuts(self) -> tuple[int, int]:
        """Copies of the image, and how many are scored at a time.

        Raises:
            ValueError: The number of masks depends on their scores.
        """
        with self._scoring() as images:
            plan = self._plan(images)
            if plan.rule.tol is not None:
                raise ValueError(
                    f"{plan.owner}: masks of one image cannot be shared out with num_masks='auto'; "
                    "give a number."
                )
            return plan.rule.most, self._batch(images, plan)

    def score_range(self, targets: Sequence[int], first: int, count: int) -> np.ndarray:
        """Scores (count, L) float64 of copies `first` .. `first + count - 1`.

        Args:
            targets: L classes.
            first: A multiple of the batch that `cuts` tells.
            count: How many; a multiple of it too, but for the last range.
        """
        with self._scoring() as images:
            plan = self._plan(images)
            if isinstance(plan, MaskPlan):
                values = {f.name: getattr(plan, f.name) for f in dataclasses.fields(plan)}
                plan = _KeptPlan(**values)
            self._explainer._backend.begin_image(images[0], plan)
            batch = self._batch(images, plan)
            task = Task(images[0], np.asarray(targets, np.int64), plan, batch)
            step = self._explainer._backend.step(task)
            for start in range(first, first + count, batch):
                step(start, min(batch, first + count - start))
            step.verify()
            tally: Any = step.tally
            return tally.scores() if isinstance(plan, MaskPlan) else tally.table()[first:]

    def merge(self, targets: Sequence[int], parts: Sequence[np.ndarray]) -> ImageResult:
        """The maps that scores of all ranges, in their order, give."""
        with self._scoring() as images:
            plan = self._plan(images)
            tally = plan.tally(len(targets))
            done, batch = 0, self._batch(images, plan)
            scores = np.concatenate(parts).astype(np.float32)
            while done < len(scores):
                some = np.ascontiguousarray(scores[done : done + batch])
                tally.add(some, done, len(some))
                done += len(some)
            return plan.maps(tally, np.asarray(targets, np.int64)).result()

    @contextmanager
    def _scoring(self) -> Iterator[Any]:
        explainer = self._explainer
        with (
            explainer._backend.ready(),
            explainer._lock.running(PerturbationExplainer.__call__, type(explainer).__name__),
        ):
            explainer._update_backend()
            images = explainer._backend.images(self._inputs)
            explainer._backend.begin("")
            with explainer._backend.scoring(images):
                yield images

    def _plan(self, images: Any) -> Plan:
        _, channels, height, width = images.shape
        return self._explainer._plan(channels, (height, width), self._unsure, None)

    def _batch(self, images: Any, plan: Plan) -> int:
        return self._explainer._backend.batch(
            images[0], plan, self._explainer._perturbation_per_eval
        )
