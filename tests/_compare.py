"""Every tolerance of the tests, with where it comes from."""

from __future__ import annotations

import numpy as np

EPS32 = float(np.finfo(np.float32).eps)

# A mask value is two nested lerps of 0..1 values: per lerp two products and a sum of float32, each
# rounded by at most eps/2, and a weight rounded once.
MASK_ATOL = 3 * EPS32
# The product adds 1 - m, two products and a sum: relative to the largest of |x| and |base|.
PRODUCT_RTOL = 4 * EPS32
# float16 keeps 11 bits, bfloat16 8: half a unit in the last place on top.
HALF_RTOL = 2.0**-11 + PRODUCT_RTOL
BFLOAT_RTOL = 2.0**-8 + PRODUCT_RTOL
# float64 sums of a few thousand terms of order 1.
SUM64_RTOL = 1e-12
# Sums as a pair of floats: 48 bits, of which each term loses at most eps32^2 to the rounding of the
# low half.
PAIR_RTOL = 4 * EPS32**2
# Maps of the same scores in another order of summation, float32 at the end.
MAP_ATOL = 1e-6
# A network scores an image with slightly other roundings in a batch of another size or mode.
NETWORK_ATOL = 2e-6

# Another engine sums the same float32 products in another order: 1e-7 to 1e-6 of the largest score.
ENGINE_RTOL = 1e-5

# A gradient of float32 sums over a few hundred terms, relative to its largest value.
BACKPROP_RTOL = 1e-5


def assert_close(actual, expected, *, atol: float, scale: float = 1.0) -> None:
    """|actual - expected| <= atol * scale everywhere, shapes equal, no NaN."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    assert np.isfinite(actual).all()
    worst = float(np.abs(actual - expected).max(initial=0.0))
    assert worst <= atol * scale, f"off by {worst:.3g}, allowed {atol * scale:.3g}"
