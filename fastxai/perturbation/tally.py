"""Tally of the scores of one image's copies, from which its maps are made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from fastxai.masks.error_bar import Uncertainty, uncertainty_of
from fastxai.masks.estimators import maps_of_sums
from fastxai.ops import (
    MaskSpec,
    OcclusionSpec,
    SaliencySums,
    occlusion_sum,
    saliency_accumulate,
)

Arrays = dict[str, np.ndarray]

_ROUNDING = 1e-9  # of sums in float64, relative to the largest that they can be


class Tally(ABC):
    """Scores of copies 0 .. `count` - 1, or sums over them."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Copies so far."""

    @abstractmethod
    def add(self, scores: np.ndarray, first: int, count: int) -> int:
        """Adds copies `first` .. `first + count - 1`.

        Args:
            scores: (M, L) float32, an array of its own; rows from `count` on are padding.
            first: Copies so far.
            count: New ones.

        Returns:
            The row of the first score that is not finite, in which case nothing was added, or -1.
        """

    @abstractmethod
    def statistics(self) -> np.ndarray:
        """Mean and standard deviation (L, 2) float64 of the scores of masks or windows so far."""

    @abstractmethod
    def snapshot(self) -> Arrays:
        """Everything that is needed to go on from here; {}: nothing was added."""

    @abstractmethod
    def check(self, snapshot: Arrays, most: int) -> None:
        """Refuses a snapshot that no run over these copies can have made.

        Args:
            snapshot: As read back.
            most: Copies of the run, at most.

        Raises:
            ValueError: It cannot be.
        """

    def restore(self, snapshot: Arrays) -> int:
        """Takes a checked snapshot, if there is any; returns the copies so far."""
        if not snapshot:
            return 0
        self._take(snapshot)
        return self.count

    @abstractmethod
    def _take(self, snapshot: Arrays) -> None:
        """Goes on from a snapshot."""


class MaskTally(Tally):
    """Sums over masks in grid space; where asked, every mask's scores too.

    Args:
        spec: The masks.
        targets: L.
        keep: Whether to keep the scores, for `scores`.
    """

    def __init__(self, spec: MaskSpec, targets: int, keep: bool = False) -> None:
        self._spec = spec
        self._targets = targets
        self._keeps = keep
        self._kept: list[np.ndarray] = []
        self._sure: Uncertainty | None = None
        self._put(SaliencySums.zeros(spec, targets))

    @property
    def count(self) -> int:
        return self.sums().count

    def sums(self) -> SaliencySums:
        """The accumulators so far."""
        return self._sums

    def _put(self, sums: SaliencySums) -> None:
        """Exchanges the accumulators."""
        self._sums = sums

    def maps(self, estimator: str) -> np.ndarray:
        """Maps (L, H, W) float64 of the masks so far, by 'centred' or 'plain'."""
        return maps_of_sums(self.sums(), self._spec, estimator)

    def add(self, scores: np.ndarray, first: int, count: int) -> int:
        self.keep(lambda: scores[:count])
        return saliency_accumulate(scores, self._spec, first, self._sums, count=count)

    def keep(self, scores: Callable[[], np.ndarray]) -> None:
        """Keeps the scores (count, L) of a batch, where they are kept."""
        if self._keeps:
            self._kept.append(scores())

    def scores(self, first: int = 0) -> np.ndarray:
        """Scores (N - first, L) float64 of the masks so far from `first` on, where they are kept.

        An interrupted step may have kept scores that were not added any more: they do not count.
        """
        found: list[np.ndarray] = [np.empty((0, self._targets))]
        at = 0
        for part in self._kept:
            found.append(part[max(first - at, 0) :])
            at += len(part)
        return np.concatenate(found, dtype=np.float64)[: max(self.count - first, 0)]

    def uncertainty(self, estimator: str) -> Uncertainty:
        """What knows how sure the maps of an estimator, the same at each call, are."""
        if self._sure is None:
            self._sure = uncertainty_of(self._spec, estimator)
        return self._sure

    def exact_count(self) -> int | None:
        """Masks so far that were scored in float32 too; None where one precision scores all."""
        return None

    def statistics(self) -> np.ndarray:
        sums = self.sums()
        means, squares = (sums.moments[:-1] / sums.count).T
        return np.stack([means, np.sqrt(np.maximum(squares - means**2, 0.0))], axis=1)

    def snapshot(self) -> Arrays:
        sums = self.sums()
        found = {"sums": sums.sums, "moments": sums.moments}
        return found | {"scores": self.scores()} if self._keeps else found

    def check(self, snapshot: Arrays, most: int) -> None:
        """Refuses a snapshot that no run over these masks can have made.

        The masks are known, so their own sums have to be exactly those that `count` masks give, and
        no sum of scores can be larger than the mean square of the scores allows.
        """
        names = {"sums", "moments"} | ({"scores"} if self._keeps else set())
        if snapshot.keys() != names:
            raise ValueError(f"it has {sorted(snapshot)} of a run that keeps {sorted(names)}")
        kept = SaliencySums(snapshot["sums"], snapshot["moments"])
        own = SaliencySums.zeros(self._spec, self._targets)
        if kept.sums.shape != own.sums.shape or kept.moments.shape != own.moments.shape:
            raise ValueError(f"its sums are of shape {kept.sums.shape}")
        if not all(np.isfinite(array).all() for array in snapshot.values()):
            raise ValueError("it holds a number that is not finite")
        count = kept.moments[-1, 0]
        if not (count == int(count) and 1 <= count <= most):
            raise ValueError(f"it is of {count} masks, of {most}")
        _check_sums(kept, self._spec)
        if self._keeps:
            _check_scores(kept, snapshot["scores"], self._spec)

    def _take(self, snapshot: Arrays) -> None:
        self._put(SaliencySums(snapshot["sums"], snapshot["moments"]))
        if self._keeps:
            self._kept = [snapshot["scores"]]


class WindowTally(Tally):
    """Scores of the image and of its copies with a window covered.

    Args:
        spec: The windows.
        targets: L.
    """

    def __init__(self, spec: OcclusionSpec, targets: int) -> None:
        self._spec = spec
        self._table = np.empty((1 + spec.num_windows, targets))  # row 0: nothing is covered
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self, scores: np.ndarray, first: int, count: int) -> int:
        bad = np.flatnonzero(~np.isfinite(scores[:count]).all(axis=1))
        if len(bad):
            return int(bad[0])
        self._table[first : first + count] = scores[:count]
        self._count = first + count
        return -1

    def table(self) -> np.ndarray:
        """Scores (count, L) float64 so far."""
        return self._table[: self.count]

    def maps(self) -> np.ndarray:
        """Maps (L, H, W) float64 of the windows so far; the others show no drop."""
        table = self.table()
        drops = np.zeros((self._spec.num_windows, table.shape[1]))
        drops[: len(table) - 1] = table[0] - table[1:]
        return np.abs(occlusion_sum(np.ascontiguousarray(drops.T), self._spec))

    def statistics(self) -> np.ndarray:
        scores = self.table()[1:]  # row 0 is of the image itself
        return np.stack([scores.mean(axis=0), scores.std(axis=0)], axis=1)

    def snapshot(self) -> Arrays:
        return {"scores": self.table()} if self.count else {}

    def check(self, snapshot: Arrays, most: int) -> None:
        if snapshot.keys() != {"scores"}:
            raise ValueError(f"it has {sorted(snapshot)} of a run that keeps scores alone")
        scores, targets = snapshot["scores"], self._table.shape[1]
        if scores.shape[1:] != (targets,) or not 1 <= len(scores) <= most:
            raise ValueError(f"its scores are of shape {scores.shape}, of {most} by {targets}")
        if not np.isfinite(scores).all():
            raise ValueError("it holds a score that is not finite")

    def _take(self, snapshot: Arrays) -> None:
        scores = snapshot["scores"]
        self._table[: len(scores)] = scores
        self._count = len(scores)


def _check_sums(kept: SaliencySums, spec: MaskSpec) -> None:
    """Refuses sums over other masks, and sums larger than their scores allow.

    Raises:
        ValueError: They are.
    """
    count = kept.count
    masks = SaliencySums.zeros(spec, 1)
    saliency_accumulate(np.zeros((count, 1), np.float32), spec, 0, masks)
    if (kept.sums[-1] != masks.sums[-1]).any() or (kept.moments[-1] != masks.moments[-1]).any():
        raise ValueError(f"its sums are not of the first {count} masks")
    total, squares = kept.moments[:-1].T
    largest = np.sqrt(count * np.maximum(squares, 0.0)) * (1 + _ROUNDING)  # of the sum of |scores|
    cells = np.abs(kept.sums[:-1].sum(axis=(1, 2))).max(axis=(1, 2))
    if (np.maximum(np.abs(total), cells) > largest).any():
        raise ValueError("its sums are larger than its scores allow")


def _check_scores(kept: SaliencySums, scores: np.ndarray, spec: MaskSpec) -> None:
    """Refuses scores that do not give these sums.

    Raises:
        ValueError: They do not.
    """
    if scores.shape != (kept.count, len(kept.sums) - 1):
        raise ValueError(f"its scores are of shape {scores.shape}")
    again = SaliencySums.zeros(spec, scores.shape[1])
    saliency_accumulate(scores.astype(np.float32), spec, 0, again)
    largest = len(scores) * max(np.abs(scores).max(), np.square(scores).max())
    for name in ("sums", "moments"):
        off = np.abs(getattr(kept, name) - getattr(again, name)).max()
        if off > _ROUNDING * largest:
            raise ValueError(f"its {name} are not those of its scores")
