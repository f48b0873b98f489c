"""Masks scored by a cheap scorer, and some whole blocks of them by an exact one too.

Which blocks, and what becomes of the scores: `fastxai.masks.mixed`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from fastxai.masks.error_bar import Uncertainty
from fastxai.masks.mixed import PILOT, PILOT_MASKS, MixedBlocks, blocks_apart
from fastxai.ops import MaskSpec
from fastxai.ops.params import OA_MASKS
from fastxai.perturbation.step import HostBatches, Step, Task
from fastxai.perturbation.tally import Arrays, MaskTally

_log = logging.getLogger("fastxai")

Scores = Callable[[], np.ndarray]  # gives (M, L) float32, an array of its own


class MixedTally(MaskTally):
    """Sums over all masks of their cheap scores, and the exact scores of some blocks.

    Where the pilot shows that the cheap scorer is of no use, it becomes a tally of exact scores
    alone, from the first mask on.

    Args:
        spec: The masks; they come in blocks.
        targets: L.
        most: Masks of the run, at most: a block that it cuts off gets no exact scores.
        owner: Name for messages.
    """

    def __init__(self, spec: MaskSpec, targets: int, most: int, owner: str) -> None:
        super().__init__(spec, targets, keep=True)
        self._most = most
        self._owner = owner
        self._exact: list[np.ndarray] = []
        self._apart = 0  # k, once the pilot is done

    def add_mixed(self, cheap: Scores, exact: Scores, first: int, count: int) -> int:
        """Adds masks `first` .. `first + count - 1`, all of one block.

        Args:
            cheap: Their cheap scores; rows from `count` on are padding.
            exact: Their exact ones. Either is called only where they are needed.
            first: Masks so far.
            count: New ones.

        Returns:
            The row of the first score that is not finite, in which case nothing was added, or -1.
        """
        if first >= PILOT_MASKS and not self._apart:
            self._choose()
        if self._alone:
            return self.add(exact(), first, count)
        scores = cheap()
        if self._is_exact(first // OA_MASKS):
            own = exact()[:count]
            bad = np.flatnonzero(~np.isfinite(own).all(axis=1))
            if len(bad):
                return int(bad[0])
            self._exact.append(own)  # first: what was not added any more does not count
        return self.add(scores, first, count)

    @property
    def _alone(self) -> bool:
        """Whether there are exact scores only."""
        return self._apart == 1

    def uncertainty(self, estimator: str) -> Uncertainty:
        """What knows how sure the maps are: of both scorers, or of the exact one alone."""
        if self._sure is None and not self._alone:
            self._sure = MixedBlocks(self._spec, estimator)
        return super().uncertainty(estimator)

    def exact_count(self) -> int:
        """Masks so far that have exact scores."""
        if self._alone:
            return self.count
        whole, rest = divmod(self.count, OA_MASKS)
        blocks = sum(map(self._is_exact, range(whole)))
        return blocks * OA_MASKS + (rest if rest and self._is_exact(whole) else 0)

    def exact_blocks(self) -> list[int]:
        """Whole blocks so far that have exact scores too."""
        return [block for block in range(self.count // OA_MASKS) if self._is_exact(block)]

    def exact_scores(self) -> np.ndarray:
        """Exact scores (128 blocks, L) float64 of those blocks."""
        return self._all_exact()[: len(self.exact_blocks()) * OA_MASKS]

    def _all_exact(self) -> np.ndarray:
        empty = np.empty((0, self._targets))
        return np.concatenate([empty, *self._exact], dtype=np.float64)

    def _is_exact(self, block: int) -> bool:
        """Whether a block gets both scores; asked when those of the blocks before it are there."""
        if (block + 1) * OA_MASKS > self._most:
            return False
        return block <= PILOT or (block - PILOT) % self._apart == 0

    def _choose(self) -> None:
        """Finds from the pilot how far apart the later blocks with exact scores are."""
        exact = self._all_exact()[:PILOT_MASKS]
        self._apart = blocks_apart(self._spec, exact, self.scores()[:PILOT_MASKS])
        if self._alone:
            _log.warning(
                "%s: precision 'mixed': bfloat16 errs so much on this image that float32 scores it "
                "alone; precision 'float32' is faster.", self._owner,
            )  # fmt: skip
            self._go_on_alone(exact)

    def _go_on_alone(self, exact: np.ndarray) -> None:
        """Puts the pilot's exact scores in the place of its cheap ones."""
        again = MaskTally(self._spec, self._targets, keep=True)
        again.add(exact.astype(np.float32), 0, len(exact))
        self._put(again.sums())
        self._kept, self._exact, self._sure = [exact], [], None

    def snapshot(self) -> Arrays:
        """Everything that is needed to go on from here; no 'exact' where it scores alone."""
        exact = self._all_exact()[: self.exact_count()]
        return super().snapshot() | ({} if self._alone else {"exact": exact})

    def check(self, snapshot: Arrays, most: int) -> None:
        """Refuses a snapshot that no run over these masks can have made."""
        exact = snapshot.get("exact")
        super().check({name: array for name, array in snapshot.items() if name != "exact"}, most)
        count = len(snapshot["scores"])
        if exact is None and count > PILOT_MASKS:
            return  # exact scores alone
        if exact is None or len(exact) < min(count, PILOT_MASKS):
            raise ValueError(f"it has {0 if exact is None else len(exact)} exact scores")
        if not np.isfinite(exact).all():
            raise ValueError("it holds a score that is not finite")
        again = MixedTally(self._spec, self._targets, self._most, self._owner)
        again._take(snapshot)
        if again._alone or exact.shape != (again.exact_count(), self._targets):
            raise ValueError(f"its exact scores are of shape {exact.shape}")

    def _take(self, snapshot: Arrays) -> None:
        super()._take(snapshot)
        if "exact" not in snapshot:
            self._apart = 1
            return
        self._exact = [snapshot["exact"]]
        if self.count > PILOT_MASKS:
            self._choose()


class MixedStep(Step):
    """Scores every batch by the cheap scorer, and by the exact one where a block needs it.

    Args:
        task: The image.
        tally: What the scores are added to.
        cheap: Scores (M, K) float32 of a batch (M, C, H, W), of the right shape.
        exact: The same.
    """

    tally: MixedTally

    def __init__(
        self,
        task: Task,
        tally: MixedTally,
        cheap: Callable[[np.ndarray], np.ndarray],
        exact: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        super().__init__(task, tally)
        self._cheap = HostBatches(task, cheap)
        self._exact = HostBatches(task, exact, self._cheap)

    def __call__(self, first: int, count: int) -> None:
        labels = self._task.labels
        bad = self.tally.add_mixed(
            lambda: self._cheap(first)[:, labels],
            lambda: self._exact(first)[:, labels],
            first,
            count,
        )
        if bad >= 0:
            raise self._task.plan.not_finite(first, count)
