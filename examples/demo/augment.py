"""Smooth random masks for training, and what the label of a masked picture is.

A network that never saw a masked picture answers at random on one, and a perturbation explainer
would explain that. So part of every training batch is masked the way such explainers mask. The
10x10 grid that RISE uses by default is left out: the demo explains with masks it was not fitted to.
"""

from __future__ import annotations

import numpy as np
from canvas import CLASSES, SIZE, Picture

GRIDS = (5, 6, 7, 8, 9, 11, 12, 13, 14)  # never 10
HIDDEN, SEEN = 0.15, 0.5  # mean mask over a digit's box: below counts as gone, above as whole


def smooth_mask(rng: np.random.Generator) -> np.ndarray:
    """Draw a mask: a random binary grid, bilinear between its cells, at a random offset.

    Args:
        rng: source of the grid size, the share of cells kept (0.3 to 0.9), cells and offset.

    Returns:
        float32 [96, 96] in [0, 1]; 0 hides a pixel.
    """
    cells = int(rng.choice(GRIDS))
    grid = (rng.random((cells + 1, cells + 1)) < rng.uniform(0.3, 0.9)).astype(np.float32)
    rows, columns = (_bilinear(cells, rng.uniform(0, 1)) for _ in range(2))
    return rows @ grid @ columns.T


def _bilinear(cells: int, offset: float) -> np.ndarray:
    """Weights float32 [96, cells + 1] of linear interpolation from grid points to pixels."""
    position = np.clip((np.arange(SIZE) + 0.5) * cells / SIZE - 0.5 + offset, 0, cells)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(cells + 1))).astype(np.float32)


def soft_target(picture: Picture, mask: np.ndarray | None) -> np.ndarray:
    """Class probabilities that a picture deserves, given how much of each digit is left.

    Args:
        picture: any kind of picture.
        mask: float32 [96, 96] in [0, 1], or None for an unmasked picture.

    Returns:
        float32 [10], sum 1: the visible digits share the mass; what no digit earns is uniform.
    """
    target = np.zeros(CLASSES, np.float32)
    for label, (y0, x0, y1, x1) in zip(picture.labels, picture.boxes, strict=True):
        left = 1.0 if mask is None else float(mask[y0:y1, x0:x1].mean())
        target[label] = np.clip((left - HIDDEN) / (SEEN - HIDDEN), 0, 1)
    target /= max(1.0, float(target.sum()))
    return target + (1 - target.sum()) / CLASSES
