r"""RISE maps from the sums over a run: the plain and the centred estimator, for every design.

Let :math:`f_i` be the score of mask :math:`M_i`, p the probability of a cell to be kept and
C = Cov(f, M), so that the expected map is :math:`E[fM] = p E[f] + C`. The centred estimator is

.. math:: S = p \bar f + \frac{1}{D} \sum_i (f_i - \bar f) M_i .

For independent masks :math:`E \sum_i (f_i - \bar f) M_i = (N - 1) C`, so D = N - 1.

Designs in blocks: masks i and j of one block share the shift, and given mask i the column of a cell
is any of 127 with equal probability. It flips the cell in 64 of them, so
:math:`E[M_j - p \mid i] = -(M_i - p)/127` and :math:`E[f_i M_j] = p E[f] - C/127`. Masks of
different blocks are independent, or, of 'lattice', are so given their shifts, on which the mean of
a mask does not depend. With :math:`m_b` masks in block b,

.. math:: D = N - 1 + \frac{1}{127 N} \sum_b m_b (m_b - 1) .

In whole blocks D = N, and as every pixel's masks have the mean p exactly, S is the plain sum
:math:`\frac{1}{N} \sum_i f_i M_i`, which is then used as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.ops import MaskSpec, SaliencySums, saliency_expand
from fastxai.ops.params import OA_CELLS, OA_MASKS

ESTIMATORS = ("centred", "plain", "control-variate")
LEAST_MASKS = 2 * OA_MASKS  # of a control variate: two folds of a block each


def maps_of_sums(sums: SaliencySums, spec: MaskSpec, estimator: str) -> np.ndarray:
    """Maps (L, H, W) float64 of masks 0 .. N - 1.

    Args:
        sums: Accumulators of L targets over those masks.
        spec: The masks.
        estimator: 'centred' or 'plain'.
    """
    maps = saliency_expand(sums.sums, spec.size)
    return combined(maps, sums.moments[:-1, 0], sums.count, spec, estimator)


def combined(maps: Any, scores: Any, number: int, spec: MaskSpec, estimator: str) -> Any:
    """The maps of an estimator, in any kind of array that has arithmetic.

    Args:
        maps: (L + 1, H, W), sums of score times mask; the last one has score 1.
        scores: (L,), sums of the scores.
        number: N, masks that were summed.
        spec: The masks.
        estimator: 'centred' or 'plain'.

    Returns:
        (L, H, W).
    """
    scored, unscored = maps[:-1], maps[-1]
    if estimator == "plain" or (spec.blocks and number % OA_MASKS == 0):
        return scored / number
    mean = scores[:, None, None] / number
    covariance = (scored - mean * unscored) / centring_divisor(spec.design, number)
    return spec.keep_probability * mean + covariance


def centring_divisor(design: str, count: int) -> float:
    """D of masks that begin with a block: count - 1 for 'iid', count for whole blocks.

    Args:
        design: One of `fastxai.ops.params.DESIGNS`.
        count: Masks, 2 or more.
    """
    if design == "iid":
        return count - 1
    whole, rest = divmod(count, OA_MASKS)
    pairs = whole * OA_MASKS * (OA_MASKS - 1) + rest * (rest - 1)
    return count - 1 + pairs / (OA_CELLS * count)
