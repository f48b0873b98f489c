"""Maps of zeros: whether gradients vanish at these images, or never arrive.

Where all ReLUs are closed the gradient is rightly zero, and so it is where the scores do not depend
on what is changed. If the scores do change from one point to another, a network with a gradient has
one somewhere in between: halving the way again and again finds it, unless there is none at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

_HALVINGS = 12
_ROUNDING = 1e-6  # relative change of scores that float32 may make of nothing

Evaluate = Callable[[np.ndarray], tuple[np.ndarray, bool]]


def never_arrives(evaluate: Evaluate, points: Sequence[np.ndarray]) -> bool | None:
    """Whether scores change with a point, but their gradient is zero wherever it is looked for.

    Args:
        evaluate: Scores at a point, and whether a gradient arrives there.
        points: Where to begin, of one shape; the first is the user's.

    Returns:
        True or False; None where the scores are the same at all points, so that it is not known.
    """
    found = []
    for point in points:
        scores, arrives = evaluate(point)
        if arrives:
            return False
        found.append((point, scores))
    near = found[0]
    far = max(found, key=lambda other: _change(near, other))
    if _change(near, far) == 0:
        return None
    for _ in range(_HALVINGS):
        point = (near[0] + far[0]) / 2
        scores, arrives = evaluate(point)
        if arrives:
            return False
        middle = (point, scores)
        if _change(near, middle) >= _change(middle, far):
            far = middle
        else:
            near = middle
    return True


def _change(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> float:
    first, second = one[1], other[1]
    largest = max(np.abs(first).max(), np.abs(second).max())
    change = float(np.abs(first - second).max())
    return change if change > _ROUNDING * largest else 0.0


def points_around(images: np.ndarray) -> list[np.ndarray]:
    """Images, and others of their size: reversed, faint, strong and random ones."""
    noise, more = np.random.default_rng(0).normal(size=(2, *images.shape))
    scale = float(images.std()) or 1.0
    others = (
        *(-images, images / 16, images * 4, images + scale * noise, images + 4 * scale * more),
        *(scale * noise, scale * more, noise / 16),
    )
    return [image.astype(np.float32) for image in (images, *others)]
