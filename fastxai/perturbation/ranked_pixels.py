"""Copies of an image in which pixels are covered by their rank in a map, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fastxai.ops import pixel_fill

POINTS = 20  # steps of a curve, each a twentieth of the pixels
_BATCH = 32

Score = Callable[[np.ndarray], np.ndarray]  # (M, C, H, W) float32 -> (M,) of the class


class RankedPixels:
    """Copies of an image, each with some ranks of its pixels set to a base.

    Args:
        image: (C, H, W) float32.
        order: (H W,) pixels, the most salient one first.
        intervals: (M, 2) ranks low, high: copy m covers the ranks low .. high - 1.
        base: What a covered pixel shows, (C,) or (C, H, W) float32.
        outside: Cover the other ranks.
        batch_size: Copies scored at a time, at most; bounds the memory.
    """

    def __init__(
        self,
        image: np.ndarray,
        order: np.ndarray,
        intervals: np.ndarray,
        base: np.ndarray,
        outside: bool,
        batch_size: int,
    ) -> None:
        ranks = np.empty(order.size, np.int32)
        ranks[order] = np.arange(order.size, dtype=np.int32)
        self._image, self._base, self._outside = image, base, outside
        self._ranks = ranks.reshape(image.shape[1:])
        self.count = len(intervals)
        batches = -(-self.count // batch_size)
        self._batch = -(-self.count // batches)  # as even as possible
        self._intervals = np.zeros((batches * self._batch, 2), np.int64)  # one shape for all
        self._intervals[: self.count] = intervals

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a batch, (M, C, H, W)."""
        return (self._batch, *self._image.shape)

    def fill(self, first: int, out: np.ndarray) -> None:
        """Writes the batch that begins with copy `first`."""
        part = self._intervals[first : first + self._batch]
        pixel_fill(
            self._image, self._ranks, part, outside=self._outside, base_value=self._base, out=out
        )

    def scores(self, score: Score) -> np.ndarray:
        """Scores (M,) float64 of the copies."""
        found, batch = np.empty(self.count), np.empty(self.shape, np.float32)
        for first in range(0, self.count, self._batch):
            self.fill(first, batch)
            count = min(self._batch, self.count - first)
            found[first : first + count] = score(batch)[:count]
        return found


def order_of(saliency: np.ndarray) -> np.ndarray:
    """Pixels (H W,) of a map, the most salient one first, equal ones row by row."""
    return np.argsort(-saliency, axis=None, kind="stable")


@dataclass(frozen=True)
class Curves:
    """Scores of a class while pixels are covered or shown, the most salient ones first.

    Point k of n has the first k / n of the pixels covered (shown).

    Attributes:
        deletion: (n + 1,) float64, from the image to the base.
        insertion: (n + 1,) float64, from the base to the image.

    Source:
        Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", BMVC 2018.
    """

    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def values(self) -> dict[str, Sequence[float]]:
        """Both as lists by their names."""
        return {"deletion": self.deletion.tolist(), "insertion": self.insertion.tolist()}


def curves_of(
    image: np.ndarray, saliency: np.ndarray, base: np.ndarray, score: Score, points: int = POINTS
) -> Curves:
    """The deletion and insertion curves of a map.

    Args:
        image: (C, H, W) float32.
        saliency: (H, W), finite.
        base: What a covered pixel shows, (C,) or (C, H, W) float32.
        score: Scores the class of copies.
        points: Steps from none of the pixels to all.
    """
    order = order_of(np.asarray(saliency, np.float64))
    ends = np.rint(np.linspace(0, order.size, points + 1)).astype(np.int64)
    intervals = np.stack([np.zeros_like(ends), ends], axis=1)
    deletion, insertion = (
        RankedPixels(image, order, intervals, base, outside, _BATCH).scores(score)
        for outside in (False, True)
    )
    return Curves(deletion, insertion)
