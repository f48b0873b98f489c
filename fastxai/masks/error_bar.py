r"""Uncertainty of a RISE map: its standard error, and its correlation with the converged map.

Let :math:`\hat S` be the map of N masks, S its expectation (the *converged* map), and for a map x
let :math:`V(x)` be its variance over the pixels, its shape. The error :math:`\hat S - S`
is not correlated with S, so :math:`E V(\hat S) = V(S) + E V(\hat S - S)`, and the squared
correlation of the two maps is predicted by

.. math:: \hat\rho^2 = 1 - \frac{\hat E V(\hat S - S)}{V(\hat S)} .

**Design 'iid', plug-in.** The centred estimator is, but for O(1/N), the mean of independent
:math:`(f_i - E f) M_i` and a constant. The spread of the scores is taken to be the same whatever a
pixel's mask is, so only a number and two properties of the masks are needed:

.. math:: SE^2 = \frac{\mathrm{Var}(f)\, E[M^2]}{N}, \qquad
          \hat E V(\hat S - S) = \frac{\mathrm{Var}(f)\, E[V(M)]}{N} .

The plain sum is the mean of :math:`f_i M_i`: :math:`SE^2 = (E[f^2] E[M^2] - \hat S^2) / N`, and
:math:`E[f^2]` takes the place of the variance. With the control variate it is the variance of the
cross-fitted rest r.

**Other designs, from blocks.** Blocks of 128 masks are independent, and the map
:math:`T_b` of each, the plain sum, is unbiased. With B of them, :math:`\hat S = \bar T` and
:math:`SE^2` is the sample variance of :math:`T_b` over B, with B - 1 degrees of freedom.
:math:`\hat E V(\hat S - S)` is the same of the shapes. That :math:`\hat\rho` is what split-half
reliability (Spearman and Brown) gives on the average of all splits (Cronbach's alpha). Where the
last block is cut off, the whole ones stand for it.

The shifts of 'lattice' fill their range more evenly than independent ones, so the mean of its
blocks varies less than their spread says: the bar and the predicted correlation are on the safe
side. docs/uncertainty.md has by how much.

The blocks are kept as h x w sums and their shift; V of an enlarged grid is a quadratic form in it.

**Equal scores** are certainty: masks do not move the score, and the converged map is constant. Its
correlation with anything is 0/0; 1 stands for it where the map is flat too. The plain sum of
independent masks is not: what it shows then is their own noise, and 0 stands for that.

Source: the plug-in and the blocks are ours; the formula for the correlation with an average of
infinitely many is Cronbach's, Psychometrika 16, 1951.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fastxai.masks.control_variate import control_variate
from fastxai.ops import MaskSpec, SaliencySums, bilinear_matrix, mask_grid, saliency_expand
from fastxai.ops.params import OA_MASKS

_FLAT = 1e-24  # V of a map over its largest square: less is rounding of a constant
_FLAT_FLOAT32 = 1e-12  # the same where scores may differ by their own, float32, rounding
_LEAST_ROUNDED = 512  # masks whose rounding a variance is allowed at least


@dataclass(frozen=True)
class ErrorBar:
    """Error bar of the maps of one image.

    Attributes:
        standard_error: (L, H, W) float64.
        degrees_of_freedom: Of the standard error's own estimate.
        correlation: (L,) predicted correlation with the converged maps, in [0, 1].
    """

    standard_error: np.ndarray
    degrees_of_freedom: int
    correlation: np.ndarray


class ScoredMasks(Protocol):
    """Scores and sums of masks 0 .. count - 1 of one image."""

    @property
    def count(self) -> int:
        """Masks so far."""

    def sums(self) -> SaliencySums:
        """Their accumulators."""

    def maps(self, estimator: str) -> np.ndarray:
        """Maps (L, H, W) float64 by 'centred' or 'plain'."""

    def scores(self, first: int = 0) -> np.ndarray:
        """Scores (count - first, L) float64 from mask `first` on, where they are kept."""


class Uncertainty(ABC):
    """Statistics of one image's run, from which its error bar is computed.

    Args:
        spec: The masks.
        estimator: How they become a map.
    """

    def __init__(self, spec: MaskSpec, estimator: str) -> None:
        self._spec = spec
        self._estimator = estimator
        self._fitted: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None

    def maps(self, masks: ScoredMasks) -> np.ndarray:
        """Maps (L, H, W) float64 of the masks so far."""
        if self._estimator == "control-variate":
            return self._control_variate(masks)[0]
        return masks.maps(self._estimator)

    def rough_maps(self, masks: ScoredMasks) -> np.ndarray:
        """The same at any time and at little cost: without the control variate."""
        estimator = "centred" if self._estimator == "control-variate" else self._estimator
        return masks.maps(estimator if masks.count > 1 else "plain")

    def _control_variate(self, masks: ScoredMasks) -> tuple[np.ndarray, np.ndarray]:
        """Maps and rests, fitted once for a number of masks."""
        if self._fitted is None or self._fitted[0] != masks.count:
            self._fitted = (masks.count, control_variate(masks.scores(), self._spec))
        return self._fitted[1]

    def correlation(self, masks: ScoredMasks) -> np.ndarray:
        """Predicted correlations (L,) with the converged maps."""
        maps = self.maps(masks)
        shape = shape_of(maps)
        kept = 1 - self._lost_shape(masks) / np.where(shape > 0, shape, np.inf)
        flat = shape <= _FLAT_FLOAT32 * np.abs(maps).max(axis=(1, 2)) ** 2
        return np.where(self.certain(masks), flat, np.sqrt(np.maximum(kept, 0.0)))

    def certain(self, masks: ScoredMasks) -> np.ndarray:
        """Whether all scores of a target (L,) are equal, but for rounding: more would be, too."""
        sums = masks.sums()
        scores, squares = sums.moments[:-1].T / sums.count
        rounding = max(sums.count, _LEAST_ROUNDED) * 2.0**-53  # of float64 sums; of float32 scores
        return squares - scores**2 <= rounding * scores**2

    def settled(self, masks: ScoredMasks) -> np.ndarray:
        """What a run is stopped by (L,): the correlation, and 1 where there is certainty."""
        return np.where(self.certain(masks), 1.0, self.correlation(masks))

    def error_bar(self, masks: ScoredMasks) -> ErrorBar:
        """All there is to know."""
        squares, freedom = self._squared_error(masks)
        error = np.sqrt(np.maximum(squares, 0.0))
        return ErrorBar(error, freedom, self.correlation(masks))

    @abstractmethod
    def _lost_shape(self, masks: ScoredMasks) -> np.ndarray:
        """Estimates (L,) of E V(S^ - S)."""

    @abstractmethod
    def _squared_error(self, masks: ScoredMasks) -> tuple[np.ndarray, int]:
        """SE^2 (L, H, W) and its degrees of freedom."""


class PlugIn(Uncertainty):
    """Uncertainty with independent masks."""

    @functools.cached_property
    def _masks(self) -> tuple[np.ndarray, float]:
        return mask_moments(self._spec)

    def _lost_shape(self, masks: ScoredMasks) -> np.ndarray:
        return self._second_moment(masks) * (self._masks[1] / masks.count)

    def _squared_error(self, masks: ScoredMasks) -> tuple[np.ndarray, int]:
        count = masks.count
        squares = self._second_moment(masks)[:, None, None] * self._masks[0]
        if self._estimator == "plain":
            squares = squares - self.maps(masks) ** 2
        return squares / count, count - 1

    def _second_moment(self, masks: ScoredMasks) -> np.ndarray:
        """Mean squares (L,) of what the masks are weighted with."""
        sums = masks.sums()
        count = sums.count
        if self._estimator == "control-variate":
            rest = self._control_variate(masks)[1]
            return (rest**2).sum(axis=0) / (count - 1)
        scores, squares = sums.moments[:-1].T
        if self._estimator == "plain":
            return squares / count
        return np.maximum(squares - scores**2 / count, 0.0) / (count - 1)


class BlockSums:
    """The maps of independent blocks of 128 masks, kept as h x w sums and their shift.

    Args:
        spec: The masks.
    """

    def __init__(self, spec: MaskSpec) -> None:
        self._spec = spec
        self._sums: list[np.ndarray] = []  # (L, h, w), means over a block of score times cell
        self._shifts: list[np.ndarray] = []  # (2,)

    def __len__(self) -> int:
        return len(self._sums)

    def add(self, masks: tuple[np.ndarray, np.ndarray], scores: np.ndarray) -> None:
        """Adds a block of cells (128, h, w) and shifts (128, 2), and scores (128, L) float64."""
        cells, shifts = masks
        self._sums.append(np.tensordot(scores, cells.astype(np.float64), (0, 0)) / OA_MASKS)
        self._shifts.append(shifts[0])

    def spread_of_shapes(self) -> np.ndarray:
        """Sample variance (L,) of the blocks' shapes."""
        number = len(self)
        own = np.sum([self._shape_of_block(block) for block in range(number)], axis=0)
        return np.maximum(own - number * shape_of(self.mean()), 0.0) / (number - 1)

    def spread_of_pixels(self) -> np.ndarray:
        """Sample variance (L, H, W) of the blocks' maps."""
        mean = self.mean()
        squares = np.zeros_like(mean)
        rows, cols = self._axes
        for sums, (dy, dx) in zip(self._sums, self._shifts, strict=True):
            squares += (rows[dy] @ sums @ cols[dx].T - mean) ** 2
        return squares / (len(self) - 1)

    def mean(self) -> np.ndarray:
        """Mean (L, H, W) of the blocks' maps."""
        sums = np.zeros((len(self._sums[0]), *self._spec.shift_range, *self._spec.grid))
        for block, (dy, dx) in zip(self._sums, self._shifts, strict=True):
            sums[:, dy, dx] += block / len(self._sums)
        return saliency_expand(sums, self._spec.size)

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The sum (L, H, W) of the blocks' maps times weights (B,)."""
        sums = np.zeros((len(self._sums[0]), *self._spec.shift_range, *self._spec.grid))
        for weight, block, (dy, dx) in zip(weights, self._sums, self._shifts, strict=True):
            sums[:, dy, dx] += weight * block
        return saliency_expand(sums, self._spec.size)

    @functools.cached_property
    def _axes(self) -> list[np.ndarray]:
        return _axes_of(self._spec)

    def _shape_of_block(self, block: int) -> np.ndarray:
        """V (L,) of a block's maps, which are not made."""
        sums, (dy, dx) = self._sums[block], self._shifts[block]
        rows, cols = self._axes[0][dy], self._axes[1][dx]
        pixels = len(rows) * len(cols)
        square = np.einsum("tab,tab->t", (rows.T @ rows) @ sums @ (cols.T @ cols), sums) / pixels
        mean = rows.sum(axis=0) @ sums @ cols.sum(axis=0) / pixels
        return square - mean**2


class Blocks(Uncertainty):
    """Uncertainty with masks in independent blocks of 128."""

    def __init__(self, spec: MaskSpec, estimator: str) -> None:
        super().__init__(spec, estimator)
        self._blocks = BlockSums(spec)

    def _lost_shape(self, masks: ScoredMasks) -> np.ndarray:
        self._extend(masks)
        return self._blocks.spread_of_shapes() * (OA_MASKS / masks.count)

    def _squared_error(self, masks: ScoredMasks) -> tuple[np.ndarray, int]:
        self._extend(masks)
        squares = self._blocks.spread_of_pixels() * (OA_MASKS / masks.count)
        return squares, len(self._blocks) - 1

    def _extend(self, masks: ScoredMasks) -> None:
        """Adds the whole blocks that are new."""
        first = len(self._blocks) * OA_MASKS
        scores = masks.scores(first)
        for start in range(0, len(scores) - OA_MASKS + 1, OA_MASKS):
            self._blocks.add(self._cells(first + start), scores[start : start + OA_MASKS])

    def _cells(self, first: int) -> tuple[np.ndarray, np.ndarray]:
        """Cells and shifts of the run's masks `first` .. `first` + 127."""
        return mask_grid(self._spec, first, OA_MASKS)


def uncertainty_of(spec: MaskSpec, estimator: str) -> Uncertainty:
    """The kind of uncertainty that fits the design of the masks."""
    return (Blocks if spec.blocks else PlugIn)(spec, estimator)


def mask_moments(spec: MaskSpec) -> tuple[np.ndarray, float]:
    """E[M^2] of every pixel (H, W), and E[V(M)], of one mask and one shift, both drawn at random.

    Args:
        spec: The masks. Cells are independent, and the rows of the enlarging matrices sum to 1, so
            each mask has the mean p and the variance p (1 - p) times the sum of squared weights.
    """
    probability = spec.keep_probability
    matrices = _axes_of(spec)
    weights = [(matrix**2).sum(axis=2).mean(axis=0) for matrix in matrices]
    of_mean = [(matrix.mean(axis=1) ** 2).sum(axis=1).mean() for matrix in matrices]
    variance = probability * (1 - probability) * np.outer(*weights)
    variance_of_mean = probability * (1 - probability) * of_mean[0] * of_mean[1]
    return probability**2 + variance, float(variance.mean() - variance_of_mean)


def shape_of(maps: np.ndarray) -> np.ndarray:
    """V (L,) of maps (L, H, W); 0 for a constant one, whatever its rounding."""
    found = maps.var(axis=(1, 2))
    found[found <= _FLAT * np.abs(maps).max(axis=(1, 2)) ** 2] = 0.0
    return found


def _axes_of(spec: MaskSpec) -> list[np.ndarray]:
    """Of both axes, (shifts, pixels, cells): cells enlarged and cropped at every shift."""
    axes = []
    for cells, pixels, shifts in zip(spec.grid, spec.size, spec.shift_range, strict=True):
        enlarged = bilinear_matrix(cells, pixels + shifts - 1)
        axes.append(np.stack([enlarged[shift : shift + pixels] for shift in range(shifts)]))
    return axes
