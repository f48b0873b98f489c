"""An image under masks: x m + base (1 - m)."""

from __future__ import annotations

import numpy as np


def masked_product(image: np.ndarray, masks: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Masked copies of an image.

    Args:
        image: (C, H, W).
        masks: (M, 1, H, W) in [0, 1].
        base: (C,) or (C, H, W), shown where the mask is 0.

    Returns:
        (M, C, H, W) float64.
    """
    hidden = np.asarray(base, np.float64)
    if hidden.ndim == 1:
        hidden = hidden[:, None, None]
    return image[None].astype(np.float64) * masks + hidden[None] * (1.0 - masks)
