"""The maps of one image, made of its tally, and when they are good enough."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod

import numpy as np

from fastxai.masks.error_bar import Uncertainty
from fastxai.masks.stopping import warn_of_equal_scores
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.plan import MaskPlan, PatchPlan
from fastxai.perturbation.tally import MaskTally, WindowTally


class Maps(ABC):
    """Maps of the copies so far."""

    @abstractmethod
    def settled(self) -> np.ndarray:
        """What a run is stopped by, (L,): predicted correlations with the converged maps."""

    @abstractmethod
    def rough(self) -> np.ndarray:
        """Maps (L, H, W) at any time and at little cost."""

    @abstractmethod
    def result(self) -> ImageResult:
        """The maps of a run that is over, with all that is known of them."""


class MaskMaps(Maps):
    """Maps of random masks.

    Args:
        plan: Plan of the call.
        tally: Sums over the masks.
        labels: (L,) classes.
    """

    def __init__(self, plan: MaskPlan, tally: MaskTally, labels: np.ndarray) -> None:
        self._plan = plan
        self._tally = tally
        self._labels = labels

    def settled(self) -> np.ndarray:
        return self._sure.settled(self._tally)

    def rough(self) -> np.ndarray:
        return self._sure.rough_maps(self._tally)

    def result(self) -> ImageResult:
        plan, done = self._plan, self._tally.count
        if plan.rule.tol is not None and done == plan.rule.most:
            plan.rule.warn_of_ceiling(plan.owner, self.settled())
        equal = self._labels[self._sure.certain(self._tally)]
        warn_of_equal_scores(plan.owner, done, equal)
        bar = self._sure.error_bar(self._tally) if plan.unsure else None
        maps, exact = self._sure.maps(self._tally), self._tally.exact_count()
        return ImageResult(maps, done, bar, self._tally.statistics(), exact)

    @property
    def _sure(self) -> Uncertainty:
        return self._tally.uncertainty(self._plan.estimator)


class PatchMaps(MaskMaps):
    """Of masks that are constant within patches: so are the maps; arguments as of `MaskMaps`."""

    def __init__(self, plan: PatchPlan, tally: MaskTally, labels: np.ndarray) -> None:
        super().__init__(plan, tally, labels)
        self._patch = np.ones(plan.patch)

    def rough(self) -> np.ndarray:
        """Maps (L, H, W) at any time and at little cost."""
        return self._enlarged(super().rough())

    def result(self) -> ImageResult:
        """The maps of a run that is over, with all that is known of them."""
        found = super().result()
        bar = found.error
        if bar is not None:
            bar = dataclasses.replace(bar, standard_error=self._enlarged(bar.standard_error))
        return dataclasses.replace(found, saliency=self._enlarged(found.saliency), error=bar)

    def _enlarged(self, maps: np.ndarray) -> np.ndarray:
        """Maps (L, h, w) as (L, H, W)."""
        return np.kron(maps, self._patch[None])


class WindowMaps(Maps):
    """Maps of windows: all are scored, so there is no sampling error.

    Args:
        tally: Scores of the windows.
    """

    def __init__(self, tally: WindowTally) -> None:
        self._tally = tally

    def settled(self) -> np.ndarray:
        return np.zeros(1)

    def rough(self) -> np.ndarray:
        return self._tally.maps()

    def result(self) -> ImageResult:
        tally = self._tally
        return ImageResult(tally.maps(), tally.count - 1, scores=tally.statistics())
