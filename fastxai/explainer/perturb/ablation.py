"""Perturbed copies of arrays from boolean masks, under mindspore_xai's names.

Every copy and every mask is held in memory. fastxai's own explainers and benchmarks do not work
that way (see `fastxai.ops.pixel_fill`); scripts that do can import these.
"""

from __future__ import annotations

import math

import numpy as np

from fastxai.common.utils import rank_pixels
from fastxai.explainer.perturb.replacement import Constant

__all__ = ["Ablation", "AblationWithSaliency"]

_MODES = ("Deletion", "Insertion")


class Ablation:
    """Copies of arrays with some elements replaced.

    Args:
        perturb_mode: 'Deletion' replaces the masked elements of the inputs by the reference's;
            'Insertion' those of the reference by the inputs'.

    Raises:
        ValueError: Unknown `perturb_mode`.
    """

    def __init__(self, perturb_mode: str) -> None:
        if perturb_mode not in _MODES:
            raise ValueError(
                f"{type(self).__name__}: `perturb_mode` must be one of {_MODES}, got "
                f"{perturb_mode!r}."
            )
        self._perturb_mode = perturb_mode

    def __call__(
        self, inputs: np.ndarray, reference: np.ndarray | float, masks: np.ndarray
    ) -> np.ndarray:
        """Makes the copies.

        Args:
            inputs: (N, ...).
            reference: A number, or an array in the shape of the inputs.
            masks: (N, M, ...) bool, True where elements are replaced.

        Returns:
            (N, M, ...).

        Raises:
            TypeError: `masks` is not of booleans.
            ValueError: The shapes do not fit.
        """
        owner = type(self).__name__
        if not isinstance(reference, np.ndarray):
            reference = Constant(base_value=reference)(inputs)
        if reference.shape != inputs.shape:
            raise ValueError(
                f"{owner}: `reference` must have the shape of `inputs`, {inputs.shape}, got "
                f"{reference.shape}."
            )
        if masks.dtype != bool:
            raise TypeError(f"{owner}: `masks` must be of booleans, got {masks.dtype}.")
        expected = (inputs.shape[0], *masks.shape[1:2], *inputs.shape[1:])
        if masks.shape != expected:
            raise ValueError(f"{owner}: `masks` must have shape (N, M, ...), got {masks.shape}.")
        kept, put = (
            (reference, inputs) if self._perturb_mode == "Insertion" else (inputs, reference)
        )
        return np.where(masks, put[:, None], kept[:, None]).astype(kept.dtype, copy=False)


class AblationWithSaliency(Ablation):
    """Masks that follow a saliency map, from its most salient pixel on.

    Args:
        perturb_mode: 'Deletion' or 'Insertion'.
        perturb_percent: Share of the pixels that is perturbed, in (0, 1].
        is_accumulate: Each mask holds those before it.
        perturb_pixel_per_step: Pixels that each mask adds; decides the number of masks.
        num_perturbations: M, masks, where `perturb_pixel_per_step` is not given; by default the
            square root of the number of pixels, rounded down.
    """

    def __init__(
        self,
        perturb_mode: str,
        perturb_percent: float = 1.0,
        is_accumulate: bool = False,
        perturb_pixel_per_step: int | None = None,
        num_perturbations: int | None = None,
    ) -> None:
        super().__init__(perturb_mode)
        self._perturb_percent = perturb_percent
        self._is_accumulate = is_accumulate
        self._pixel_per_step = perturb_pixel_per_step
        self._num_perturbations = num_perturbations

    def generate_mask(self, saliency: np.ndarray, num_channels: int | None = None) -> np.ndarray:
        """Masks of each map.

        Args:
            saliency: (N, L, H, W), averaged over L; (N, H, W) where `num_channels` is None.
            num_channels: C of the inputs to be perturbed; None for inputs without that axis.

        Returns:
            (N, M, C, H, W) bool, or (N, M, H, W).

        Raises:
            ValueError: There are too few pixels for a single mask.
        """
        if num_channels is not None:
            saliency = saliency.mean(axis=1)
        per_step, steps = self._steps(saliency[0].size)
        ranks = rank_pixels(saliency)[:, None]
        ends = ((np.arange(steps) + 1) * per_step)[:, None, None]
        masks = ranks < ends
        if not self._is_accumulate:
            masks &= ranks >= ends - per_step
        if num_channels is None:
            return masks
        return np.repeat(masks[:, :, None], num_channels, axis=2)

    def _steps(self, pixels: int) -> tuple[int, int]:
        """Pixels of a step, and steps."""
        share = pixels * self._perturb_percent
        if self._pixel_per_step:
            per_step, steps = self._pixel_per_step, math.floor(share / self._pixel_per_step)
        else:
            steps = self._num_perturbations or math.isqrt(pixels)
            per_step = math.floor(share / steps)
        if steps < 1 or per_step < 1:
            raise ValueError(
                f"{type(self).__name__}: {share:g} pixels to perturb are too few for one step; "
                "enlarge `perturb_percent` or ask for smaller or fewer steps."
            )
        return per_step, steps
