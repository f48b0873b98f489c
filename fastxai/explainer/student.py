"""Quantiles of Student's t distribution."""

from __future__ import annotations

import math
from statistics import NormalDist

_MANY = 1000  # degrees of freedom from which two terms of a series in 1 / freedom are exact to 1e-5


def central_quantile(level: float, freedom: int) -> float:
    """The t with which |T| <= t has a probability of `level`.

    Args:
        level: In (0, 1).
        freedom: Degrees of freedom, 1 or more.

    Source:
        The distribution for whole degrees of freedom as a finite sum: Abramowitz and Stegun,
        "Handbook of Mathematical Functions", 26.7.3 and 26.7.4, inverted by bisection of its angle;
        for many degrees of freedom 26.7.5.
    """
    if freedom >= _MANY:
        z = NormalDist().inv_cdf((1 + level) / 2)
        return z + (z**3 + z) / (4 * freedom)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        if _central_probability(angle, freedom) < level:
            low = angle
        else:
            high = angle
    return math.tan((low + high) / 2) * math.sqrt(freedom)


def _central_probability(angle: float, freedom: int) -> float:
    """P(|T| <= sqrt(freedom) tan(angle))."""
    odd = freedom % 2
    term = math.sin(angle) * (math.cos(angle) if odd else 1.0)
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= math.cos(angle) ** 2 * (k - 1) / k
        total += term
    return (angle + total) * 2 / math.pi if odd else total
