"""Whether an engine computes a network: its scores against those of the network's own framework."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Relative error against the framework up to which an engine is taken to compute the same network.
# float32 rounds to 6e-8; 1e-7 to 1e-5 was seen. bfloat16 rounds to 4e-3; up to 3e-2 was seen.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
CHECKED_ROWS = 8  # of the first batch: MindSpore may need a second for 32
OWN_BATCHES = 2  # of `batches_to_compare`, which depend on the image; the rest is noise


def batches_to_compare(first: np.ndarray) -> Iterator[np.ndarray]:
    """Batches (M, C, H, W) float32 to compare scores on, in order until those of one move.

    The first batch may show nothing, as the windows along a black border do: then its images are
    shifted sideways, each by another number of pixels. Nor may these, as all copies of a black
    image: then comes noise. So the engine of an image does not depend on the images before it.

    Args:
        first: Perturbed copies of an image.
    """
    yield first
    places = range(0, first.shape[-1] * len(first), first.shape[-1])
    rolled = [np.roll(row, at // len(first), -1) for row, at in zip(first, places, strict=True)]
    yield np.stack(rolled)
    yield np.random.default_rng(0).uniform(-1, 1, first.shape).astype(np.float32)


def relative_error(scores: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference of an image's scores over its largest absolute score; the worst image.

    Args:
        scores: (M, K, ...).
        expected: (M, K, ...), finite.

    Returns:
        The error; infinite where a score is not finite, or where all of an image should be 0 and
        are not.
    """
    if not np.isfinite(scores).all():
        return float("inf")
    others = tuple(range(1, scores.ndim))
    off = np.abs(scores.astype(np.float64) - expected).max(axis=others)
    size = np.abs(expected.astype(np.float64)).max(axis=others)
    return float(np.divide(off, size, out=np.where(off > 0, np.inf, 0.0), where=size > 0).max())
