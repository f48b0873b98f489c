"""An image under masks: x m + base (1 - m)."""

from __future__ import annotations

import numpy as np


def masked_product(image: np.ndarray, masks: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Masked copies of an image.

    Args:
        image: (C, H, W).
        masks: (M, 1, H, W) in [0, 1].
        base: (C,) value shown where the mask is 0.

    Returns:
        (M, C, H, W) float64.
    """
    level = np.asarray(base, np.float64).reshape(1, -1, 1, 1)
    return image[None].astype(np.float64) * masks + level * (1.0 - masks)
