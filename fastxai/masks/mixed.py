r"""RISE by a cheap scorer, corrected by an exact one: the exact scorer's expected map.

Let :math:`f` be the exact score of a masked image, float32, and :math:`g` the cheap one, bfloat16.
All N masks are scored by g, and those of some whole blocks of 128 by f too. With :math:`G_b` and
:math:`D_b` the maps (plain sums) of block b for the scores g and d = f - g,

.. math:: \hat S = \frac{1}{B} \sum_b G_b + \sum_{b\ \mathrm{exact}} c_b D_b , \qquad
          \sum_b c_b = 1 .

The coefficient of the correction is 1 and not fitted, so :math:`E \hat S = E[fM]`, f's map.

**Which blocks.** The first two, the *pilot*, then the third and every k-th after it. k is chosen
once, from the pilot. Pilot blocks weigh :math:`c_b = 1/B`, which makes them blocks of f; the others
share the rest, :math:`1 - 2/B`, equally. Given the pilot, k is fixed and the later blocks are
independent of it, so every part is unbiased by itself. One weight for all exact blocks would
not be: the error of the pilot's mean and the k chosen from it may depend on each other.

Blocks of 'lattice' know each other's shifts. For a fixed k the map is unbiased all the same, since
every shift is uniform; that k is chosen leaves the covariance of the choice with the error of the
exact blocks' shifts, a part of a part of the error of d. The multiples of the lattice's step by k
must fill the range of the shifts evenly, or d would be known at few shifts only: 4, 7, 8, 14 and 16
do not. The mean of d over 16 such blocks, of functions of the shift alone, had up to 5 times the
variance of independent shifts; with 3, 5, 9 and 13 it has .2 to .5 times that.

**Error.** With V the variance of a block's map, :math:`V_f = V_g + V_d + 2 C`,

.. math:: \mathrm{Var}(\hat S) = \frac{V_f - V_d}{B} + V_d \sum_b c_b^2 ,
          \qquad V_f - V_d = V_g + 2 C .

:math:`V_g` is estimated from all blocks, :math:`V_d` and :math:`2 C = V_f - V_g - V_d` from the
exact ones, each as if blocks were independent: of 'lattice' on the safe side, as in
:mod:`~fastxai.masks.error_bar`. Degrees of freedom are Satterthwaite's, of the pixels' mean
variances.

**Share.** At a cost of c for g and 1 for f, cost times variance is, of that of f alone,
:math:`(c + 1/k) (1 - r + k r)` with :math:`r = V_d / V_f`. The k with the least is taken; with
several targets the one that gains least decides. Where no k gains, f scores the run alone and
its own map is the result: 1 stands for that. c is the constant 1/2, what bfloat16 was measured to
take, and not a time of the run: the same seed must give the same bits.

Source: two-phase sampling (Cochran, Sampling Techniques, 1977, chapter 12); the weights are ours.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from fastxai.masks.error_bar import BlockSums, ScoredMasks, Uncertainty
from fastxai.masks.estimators import centring_divisor
from fastxai.ops import MaskSpec, mask_grid
from fastxai.ops.params import OA_MASKS

PILOT = 2  # blocks
PILOT_MASKS = PILOT * OA_MASKS
LEAST_MASKS = 2 * PILOT_MASKS  # the pilot, and as many more
_COST = 0.5  # of a cheap score, where an exact one is 1
_APART = (3, 5, 9, 13)  # k: with 2 there is no gain, beyond 13 next to none


class MixedScores(ScoredMasks, Protocol):
    """What a run by two scorers knows: `scores` are the cheap ones."""

    def exact_blocks(self) -> list[int]:
        """Whole blocks so far that have exact scores too."""

    def exact_scores(self) -> np.ndarray:
        """Their exact scores (128 blocks, L) float64."""


def check_mixed(owner: str, blocks: bool, estimator: str, most: int) -> None:
    """Refuses runs whose blocks have no maps of their own, or that are too short.

    Args:
        owner: Whose arguments they are, for messages.
        blocks: Whether the masks come in blocks.
        estimator: As in `RISE`.
        most: Masks of the run.

    Raises:
        ValueError: They are such runs.
    """
    if not blocks or estimator != "centred" or most < LEAST_MASKS:
        raise ValueError(
            f"{owner}: `precision` 'mixed' needs blocks of masks: `estimator` 'centred', at least "
            f"{LEAST_MASKS} masks and a `design` other than 'iid' (keep probability 0.5, at most "
            "127 cells). Use those, or precision 'float32'."
        )


def blocks_apart(spec: MaskSpec, exact: np.ndarray, cheap: np.ndarray) -> int:
    """k, blocks from one exact block to the next; 1: the exact scorer does better alone.

    Args:
        spec: The masks.
        exact: Scores (256, L) float64 of the pilot.
        cheap: The same.
    """
    exact_map, off_map = BlockSums(spec), BlockSums(spec)
    for first in range(0, PILOT_MASKS, OA_MASKS):
        at = slice(first, first + OA_MASKS)
        masks = mask_grid(spec, first, OA_MASKS)
        exact_map.add(masks, exact[at])
        off_map.add(masks, exact[at] - cheap[at])
    of_exact, of_off = exact_map.spread_of_shapes(), off_map.spread_of_shapes()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(of_off > 0, of_off / of_exact, 0.0)
    work = {k: (_COST + 1 / k) * (1 + (k - 1) * float(ratios.max())) for k in _APART}
    best = min(work, key=lambda k: work[k])
    return best if work[best] < 1 else 1


class MixedBlocks(Uncertainty):
    """Of masks in blocks, some of which have exact scores too."""

    def __init__(self, spec: MaskSpec, estimator: str) -> None:
        super().__init__(spec, estimator)
        self._all = BlockSums(spec)  # of g
        self._cheap, self._exact, self._off = (BlockSums(spec) for _ in range(3))  # exact blocks

    def maps(self, masks: MixedScores) -> np.ndarray:  # type: ignore[override]
        """Maps (L, H, W) float64 of the masks so far, corrected."""
        return super().maps(masks) + self._correction(masks)

    def rough_maps(self, masks: MixedScores) -> np.ndarray:  # type: ignore[override]
        """The same: nothing in them takes long."""
        return super().rough_maps(masks) + self._correction(masks)

    def certain(self, masks: MixedScores) -> np.ndarray:  # type: ignore[override]
        """Whether all scores of a target (L,) are equal, of either scorer."""
        exact = masks.exact_scores()
        if not len(exact):
            return super().certain(masks)
        return super().certain(masks) & (exact == exact[0]).all(axis=0)

    def _correction(self, masks: MixedScores) -> np.ndarray | float:
        self._extend(masks)
        return self._off.weighted(self._weights(masks.count)) if len(self._off) else 0.0

    def _weights(self, count: int) -> np.ndarray:
        """c_b of the exact blocks of so many masks."""
        number = len(self._off)
        if number <= PILOT:
            return np.full(number, 1 / number)
        own = OA_MASKS / centring_divisor(self._spec.design, count)  # as the cheap maps weigh them
        rest = (1 - PILOT * own) / (number - PILOT)
        return np.array([own] * PILOT + [rest] * (number - PILOT))

    def _lost_shape(self, masks: MixedScores) -> np.ndarray:  # type: ignore[override]
        self._extend(masks)
        cheap, exact, off = (
            part.spread_of_shapes() for part in (self._cheap, self._exact, self._off)
        )
        every, double = self._all.spread_of_shapes(), exact - cheap - off
        return self._parts(masks.count, every, double, off)[0]

    def _squared_error(self, masks: MixedScores) -> tuple[np.ndarray, int]:  # type: ignore[override]
        self._extend(masks)
        cheap, exact, off = (
            part.spread_of_pixels() for part in (self._cheap, self._exact, self._off)
        )
        every, double = self._all.spread_of_pixels(), exact - cheap - off
        squares, of_off = self._parts(masks.count, every, double, off)
        share, few, many = OA_MASKS / masks.count, len(self._off) - 1, len(self._all) - 1
        spread = (every * share).mean() ** 2 / many + of_off.mean() ** 2 / few
        of_double = every.mean() * off.mean() + (double.mean() / 2) ** 2
        spread += 2 * of_double * share**2 / few
        freedom = squares.mean() ** 2 / spread if spread > 0 else many
        return squares, int(np.clip(freedom, 1, many))

    def _parts(
        self, count: int, every: np.ndarray, double: np.ndarray, off: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The variance of the map, and the part of it that d brings.

        Args:
            count: Masks.
            every: V_g.
            double: 2 C.
            off: V_d.
        """
        of_off = off * (self._weights(count) ** 2).sum()
        return np.maximum(every + double, 0.0) * (OA_MASKS / count) + of_off, of_off

    def _extend(self, masks: MixedScores) -> None:
        """Adds the whole blocks that are new."""
        first = len(self._all) * OA_MASKS
        scores = masks.scores(first)
        for start in range(0, len(scores) - OA_MASKS + 1, OA_MASKS):
            block = mask_grid(self._spec, first + start, OA_MASKS)
            self._all.add(block, scores[start : start + OA_MASKS])
        blocks = masks.exact_blocks()
        if len(blocks) == len(self._off):
            return
        every, exact = masks.scores(), masks.exact_scores()
        for at in range(len(self._off), len(blocks)):
            first = blocks[at] * OA_MASKS
            cheap = every[first : first + OA_MASKS]
            own = exact[at * OA_MASKS : (at + 1) * OA_MASKS]
            block = mask_grid(self._spec, first, OA_MASKS)
            self._cheap.add(block, cheap)
            self._exact.add(block, own)
            self._off.add(block, own - cheap)
