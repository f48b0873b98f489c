r"""RISE's map with a cross-fitted linear control variate: the same expected map, less noise.

Let :math:`f_i` be the score of mask i and :math:`M_i = R_{s_i} B_i` the mask: cells :math:`B_i`,
each 1 with probability p, enlarged and cropped at shift :math:`s_i` by a matrix :math:`R_s`. Let
:math:`\varphi_i = W_{s_i} B_i` be the means of the mask under hat functions on a coarse grid over
the image. The rows of W and R sum to 1, so :math:`E[\varphi] = E[M] = p`.

Split the score into a linear part and a rest, :math:`f = g + r` with
:math:`g = \beta \cdot (\varphi - p)`. Cells are independent with variance p (1 - p), so the map
of g is known without scoring anything. With S shifts, all equally probable,

.. math:: E[g M] = \frac{p (1 - p)}{S} \sum_s R_s W_s^T \beta ,

which in grid space is :math:`p (1 - p) W_s^T \beta / S` in the accumulator of every shift s. Only
the map of r is estimated from the masks, by the centred estimator with its divisor D
(:mod:`~fastxai.masks.estimators`):

.. math:: S = E[g M] + p\,\bar r + \frac{1}{D} \sum_i (r_i - \bar r) M_i .

The expectation is that of the centred estimator, whatever :math:`\beta`, and the noise is that of r
alone. A constant in g would cancel, so there is none.

**Cross-fitting.** That holds for a :math:`\beta` that does not depend on the masks it is used on.
The masks are therefore split into folds; fold j has the :math:`\beta_j` that fits the other folds,
and the map is the mean of the folds' maps weighted by their masks. Folds consist of whole blocks of
128 masks: two masks of one block of a design share their shift and columns, so with the
halves of a block in different folds :math:`\beta_j` would know the masks of fold j, and the map
would be biased.

**The fit** is a ridge regression with its own penalty for every target and fold, chosen by
generalised cross-validation within the masks that are fitted. Shrinking :math:`\beta` costs noise,
never expectation.

Source: control variates with cross-fitting as in Oates, Girolami and Chopin, "Control functionals
for Monte Carlo integration", JRSS B 79, 2017; generalised cross-validation: Golub, Heath
and Wahba, Technometrics 21, 1979. Their use for RISE is ours.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fastxai.masks.estimators import centring_divisor
from fastxai.ops import MaskSpec, bilinear_matrix, mask_grid, saliency_expand
from fastxai.ops.params import OA_MASKS

_MAX_FOLDS = 8
_MAX_HATS = 14  # along an axis
_CHUNK_CELLS = 2**17  # that are held as float64 at a time, 1 MiB
_LEAST_EIGENVALUE = 1e-100  # its square is not 0 yet: for masks that are all equal
_PENALTIES = 10.0 ** np.linspace(-3, 2, 16)  # times the mean eigenvalue of the Gram matrix


def control_variate_maps(scores: np.ndarray, spec: MaskSpec) -> np.ndarray:
    """Maps (L, H, W) from the scores of masks 0 .. N - 1: the first of `control_variate`."""
    return control_variate(scores, spec)[0]


def control_variate(scores: np.ndarray, spec: MaskSpec) -> tuple[np.ndarray, np.ndarray]:
    """Maps (L, H, W) from the scores of masks 0 .. N - 1, and what they were estimated from.

    Args:
        scores: (N, L) finite, N at least `LEAST_MASKS`.
        spec: The masks; drawn again here, never enlarged.

    Returns:
        The maps, float64, the images' rows and columns last; and r, the scores without their linear
        part, (N, L), every fold's mean taken off.

    Precision:
        float64. The result depends on neither the batch size nor the kernels' threads; NumPy's own
        linear algebra may round differently on another number of its threads.
    """
    hats = _Hats.of(spec)
    edges = fold_edges(len(scores))
    folds = [
        _moments(scores, spec, hats, *ends) for ends in zip(edges[:-1], edges[1:], strict=True)
    ]
    total = functools.reduce(operator.add, folds)
    sums = np.zeros((scores.shape[1], *spec.shift_range, *spec.grid))
    constant = np.zeros(scores.shape[1])
    slopes_mean = np.zeros((hats.number, scores.shape[1]))
    rests = np.empty(scores.shape)
    for first, fold in zip(edges[:-1], folds, strict=True):
        slopes = fitted_slopes(total - fold)
        share = fold.count / len(scores)
        rest = fold.score_mean - fold.feature_mean @ slopes  # mean of r, but for a constant
        for at, cells, shifts in _chunks(spec, first, first + fold.count):
            rests[at] = scores[at] - hats.features(cells, shifts) @ slopes - rest
            weights = rests[at] * (share / centring_divisor(spec.design, fold.count))
            _add_by_shift(sums, weights, cells, shifts)
        constant += share * (rest + spec.keep_probability * slopes.sum(axis=0))
        slopes_mean += share * slopes
    sums += hats.known_sums(slopes_mean, spec.keep_probability)
    maps = saliency_expand(sums, spec.size)
    return spec.keep_probability * constant[:, None, None] + maps, rests


def fold_edges(count: int) -> list[int]:
    """Where folds begin, and `count`: whole blocks of 128 masks, what is left joins the last fold.

    Args:
        count: Masks, at least `LEAST_MASKS`.
    """
    blocks = count // OA_MASKS
    folds = min(blocks, _MAX_FOLDS)
    return [blocks * fold // folds * OA_MASKS for fold in range(folds)] + [count]


@dataclass(frozen=True)
class _Hats:
    """Means of a mask under hat functions: phi = rows[dy] cells cols[dx]^T at shift (dy, dx).

    Attributes:
        rows: (Sr, a, h), for each shift of the rows.
        cols: (Sc, b, w), the same along columns.
    """

    rows: np.ndarray
    cols: np.ndarray

    @classmethod
    def of(cls, spec: MaskSpec) -> _Hats:
        """A hat for each cell along an axis; a fifth more hats gained 2 % where measured."""
        axes = zip(spec.grid, spec.size, spec.shift_range, strict=True)
        return cls(*(_axis_means(*axis) for axis in axes))

    @property
    def number(self) -> int:
        """Features of a mask."""
        return self.rows.shape[1] * self.cols.shape[1]

    def features(self, cells: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Phi of masks, (m, a b)."""
        left = self.rows[shifts[:, 0]] @ cells
        return (left @ self.cols[shifts[:, 1]].transpose(0, 2, 1)).reshape(len(cells), -1)

    def known_sums(self, slopes: np.ndarray, probability: float) -> np.ndarray:
        """What makes E[g M] in the accumulators, (L, Sr, Sc, h, w), for slopes (a b, L)."""
        shape = (slopes.shape[1], self.rows.shape[1], self.cols.shape[1])
        left = np.einsum("sah,tab->tshb", self.rows, slopes.T.reshape(shape), optimize=True)
        sums = np.einsum("tshb,ubw->tsuhw", left, self.cols, optimize=True)
        return sums * (probability * (1 - probability) / (len(self.rows) * len(self.cols)))


def _axis_means(cells: int, pixels: int, shifts: int) -> np.ndarray:
    """Means of an axis of cells, enlarged and cropped, under each hat: (shifts, hats, cells)."""
    enlarged = bilinear_matrix(cells, pixels + shifts - 1)
    hats = bilinear_matrix(min(cells, pixels, _MAX_HATS), pixels)
    hats = hats / hats.sum(axis=0)
    return np.stack([hats.T @ enlarged[shift : shift + pixels] for shift in range(shifts)])


@dataclass(frozen=True)
class _Moments:
    """Sums over masks of features phi (q,) and scores f (L,): additive."""

    count: int
    phi: np.ndarray  # (q,)
    f: np.ndarray  # (L,)
    phi_phi: np.ndarray  # (q, q)
    phi_f: np.ndarray  # (q, L)
    f_f: np.ndarray  # (L,)

    @classmethod
    def of(cls, phi: np.ndarray, f: np.ndarray) -> _Moments:
        """Of masks with features (m, q) and scores (m, L)."""
        return cls(
            len(f), phi.sum(axis=0), f.sum(axis=0), phi.T @ phi, phi.T @ f, (f**2).sum(axis=0)
        )

    def __add__(self, other: _Moments) -> _Moments:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Moments(*(a + b for a, b in pairs))

    def __sub__(self, other: _Moments) -> _Moments:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return _Moments(*(a - b for a, b in pairs))

    @property
    def feature_mean(self) -> np.ndarray:
        """Mean of phi, (q,)."""
        return self.phi / self.count

    @property
    def score_mean(self) -> np.ndarray:
        """Mean of f, (L,)."""
        return self.f / self.count


def _moments(scores: np.ndarray, spec: MaskSpec, hats: _Hats, first: int, last: int) -> _Moments:
    """Moments of masks `first` .. `last - 1`."""
    pieces = (
        _Moments.of(hats.features(cells, shifts), scores[at])
        for at, cells, shifts in _chunks(spec, first, last)
    )
    return functools.reduce(operator.add, pieces)


def fitted_slopes(moments: _Moments) -> np.ndarray:
    """Slopes (q, L) of the ridge regression of the scores on the features.

    Args:
        moments: Of the masks to fit.
    """
    n = moments.count
    gram = moments.phi_phi - n * np.outer(moments.feature_mean, moments.feature_mean)
    cross = moments.phi_f - n * np.outer(moments.feature_mean, moments.score_mean)
    spread = moments.f_f - n * moments.score_mean**2
    values, vectors = np.linalg.eigh(gram)
    values = np.maximum(values, 0.0)
    along = vectors.T @ cross  # (q, L)
    penalties = _PENALTIES * max(values.mean(), _LEAST_EIGENVALUE)
    shrunk = values[:, None] + penalties  # (q, penalties)
    freedom = (values[:, None] / shrunk).sum(axis=0) + 1
    explained = (along**2).T @ ((shrunk + penalties) / shrunk**2)  # (L, penalties)
    residual = np.maximum(spread[:, None] - explained, 0.0)
    score = np.where(freedom < n, residual / np.maximum(1 - freedom / n, 1e-9) ** 2, np.inf)
    best = penalties[score.argmin(axis=1)]
    return vectors @ (along / (values[:, None] + best))


def _chunks(
    spec: MaskSpec, first: int, last: int
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Masks `first` .. `last - 1` in pieces: slice, cells (m, h, w) float64, shifts (m, 2)."""
    step = max(_CHUNK_CELLS // (spec.grid[0] * spec.grid[1]), 1)
    for start in range(first, last, step):
        stop = min(start + step, last)
        cells, shifts = mask_grid(spec, start, stop - start)
        yield slice(start, stop), cells.astype(np.float64), shifts


def _add_by_shift(
    sums: np.ndarray, weights: np.ndarray, cells: np.ndarray, shifts: np.ndarray
) -> None:
    """Adds weights (m, L) times cells (m, h, w) to sums (L, Sr, Sc, h, w) of the masks' shifts."""
    bins = shifts[:, 0] * sums.shape[2] + shifts[:, 1]
    order = bins.argsort(kind="stable")
    starts = np.flatnonzero(np.diff(bins[order])) + 1
    for group in np.split(order, starts):
        dy, dx = shifts[group[0]]
        added = np.dot(weights[group].T, cells[group].reshape(len(group), -1))
        sums[:, dy, dx] += added.reshape(-1, *cells.shape[1:])
