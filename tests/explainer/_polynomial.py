"""Thirty black boxes with ten by ten cells whose expected maps are known in closed form.

The image is all ones, so a box sees the mask M itself. With W = M - 1/2 and linear forms a, c, d, e
its score is a constant plus a(W) + c(W) d(W) + c(W) d(W) e(W). At a keep probability of 1/2 a cell
is 1/2 + x/2 with x = -1 or 1, whose moments of odd order are 0, so for a fixed shift

    4 E[a(W) W_q] = a.q,   4 E[c(W) d(W)] = c.d,
    16 E[c(W) d(W) e(W) W_q] = (c.d)(e.q) + (c.e)(d.q) + (d.e)(c.q) - 2 sum_k c_k d_k e_k q_k,

where every form, and the pixel q, is written in cells.
"""

from __future__ import annotations

import functools

import numpy as np

from fastxai import reference

BOXES = 30
SIZE = (32, 30)
CELLS, SHIFTS = 10, 11
_CONSTANT = 0.5


@functools.cache
def forms() -> np.ndarray:
    """Linear forms (4, BOXES, H, W): a, c, d, e. Some boxes are almost linear, some hardly."""
    rng = np.random.default_rng(11)
    rows, cols = (np.arange(pixels) + 0.5 for pixels in SIZE)

    def spots(number):
        found = np.zeros(SIZE)
        for _ in range(number):
            at, width = rng.uniform(0.1, 0.9, 2) * SIZE, rng.uniform(1.5, 6)
            spot = np.exp(
                -((rows - at[0]) ** 2)[:, None] / width**2 - (cols - at[1]) ** 2 / width**2
            )
            found += rng.choice([1.0, 1.0, -0.6]) * spot / spot.sum()
        return found

    made = np.empty((4, BOXES, *SIZE))
    for box in range(BOXES):
        made[:, box] = [spots(3), spots(2), spots(2), spots(1)]
        made[0, box] *= rng.uniform(0.2, 1.0)
        made[1:3, box] *= rng.uniform(0.5, 2.0)
        made[3, box] *= rng.uniform(0.0, 3.0)
    return made


class Polynomial:
    """Images (M, 1, H, W) to the scores (M, number) of one box, or of all, in float32."""

    def __init__(self, box: int | None = None) -> None:
        chosen = forms() if box is None else forms()[:, box : box + 1]
        flat = chosen.reshape(-1, chosen[0, 0].size)
        self.weight = flat.T.astype(np.float32)
        self.bias = -0.5 * flat.sum(axis=1).astype(np.float32)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        values = batch.reshape(len(batch), -1) @ self.weight + self.bias
        a, c, d, e = np.split(values, 4, axis=1)
        return _CONSTANT + a + c * d + c * d * e


@functools.cache
def exact_maps() -> np.ndarray:
    """Expected maps (BOXES, H, W), float64."""
    matrices = [reference.bilinear_matrix(CELLS, pixels + SHIFTS - 1) for pixels in SIZE]
    total = np.zeros((BOXES, *SIZE))
    for dy, dx in np.ndindex(SHIFTS, SHIFTS):
        rows = matrices[0][dy : dy + SIZE[0]]
        cols = matrices[1][dx : dx + SIZE[1]]
        a, c, d, e = np.einsum("ya,fkyx,xb->fkab", rows, forms(), cols, optimize=True)

        def dot(u, v):
            return (u * v).sum(axis=(1, 2))[:, None, None]

        cubic = dot(c, d) * e + dot(c, e) * d + dot(d, e) * c - 2 * c * d * e
        cells = a / 4 + cubic / 16
        total += rows @ cells @ cols.T + 0.5 * (_CONSTANT + dot(c, d) / 4)
    return total / SHIFTS**2


def image() -> np.ndarray:
    """The one image."""
    return np.ones((1, 1, *SIZE), np.float32)


def correlation(saliency: np.ndarray, box: int) -> float:
    """Of a map with the exact one of a box."""
    return float(np.corrcoef(saliency.ravel(), exact_maps()[box].ravel())[0, 1])
