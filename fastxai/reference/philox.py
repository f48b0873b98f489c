"""Philox4x32-10 (Salmon et al., SC 2011) on NumPy arrays."""

from __future__ import annotations

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox4x32(counter: np.ndarray, key: tuple[int, int], rounds: int = 10) -> np.ndarray:
    """Random words of counters.

    Args:
        counter: (..., 4) of unsigned 32-bit values, any integer dtype.
        key: Two 32-bit words.
        rounds: 10 in the standard generator.

    Returns:
        uint32 array of the shape of `counter`.
    """
    words = np.array(counter, dtype=np.uint64) & _LOW
    c0, c1, c2, c3 = (words[..., k] for k in range(4))
    k0, k1 = key
    for _ in range(rounds):
        p0 = _MULTIPLIERS[0] * c0
        p1 = _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (p1 >> _HALF) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _HALF) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0 = (k0 + _WEYL[0]) & 0xFFFFFFFF
        k1 = (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)
