"""Two black boxes with known expected maps: of 3 x 3 cells every mask can be scored."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from fastxai import reference
from fastxai.ops import MaskSpec, mask_grid, mask_upsample

SIZE, GRID, SHIFTS = (20, 17), (3, 3), (11, 11)
UP_SIZE = (SIZE[0] + SHIFTS[0] - 1, SIZE[1] + SHIFTS[1] - 1)
TARGETS = 2
_rng = np.random.default_rng(5)
_WEIGHTS = _rng.normal(0.3, 1.0, (3, SIZE[0] * SIZE[1])) / np.sqrt(SIZE[0] * SIZE[1])


def score(masks: np.ndarray) -> np.ndarray:
    """Scores (M, 2) of masks (M, H, W): smooth, not linear, with interactions."""
    a, b, c = _WEIGHTS @ masks.reshape(len(masks), -1).astype(np.float64).T
    return np.stack([np.tanh(a) + 0.5 * np.maximum(b, 0.0) ** 2, b * c], axis=1)


@functools.cache
def exact_maps() -> np.ndarray:
    """Expected maps (2, H, W): the mean over all cells and shifts."""
    cells = np.array(list(itertools.product((0, 1), repeat=GRID[0] * GRID[1]))).reshape(-1, *GRID)
    total = np.zeros((TARGETS, *SIZE))
    for shift in np.ndindex(SHIFTS):
        masks = reference.mask_upsample(cells, [shift] * len(cells), SIZE, UP_SIZE)[:, 0]
        total += np.einsum("mt,myx->tyx", score(masks), masks) / len(cells)
    return total / (SHIFTS[0] * SHIFTS[1])


def spec_of(seed: int, design: str) -> MaskSpec:
    """The masks of one repetition."""
    return MaskSpec(seed, SIZE, GRID, design=design)


def scores_of(spec: MaskSpec, count: int) -> np.ndarray:
    """Scores (count, 2) of the first masks of a spec."""
    masks = mask_upsample(*mask_grid(spec, 0, count), spec.size, spec.up_size)
    return score(masks[:, 0])


def bias(maps: np.ndarray) -> np.ndarray:
    """How far the mean of repeated maps (R, 2, H, W) is from the exact ones, in standard errors."""
    spread = maps.std(axis=0, ddof=1) / np.sqrt(len(maps))
    return (maps.mean(axis=0) - exact_maps()) / spread
