"""RISE over a PyTorch network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fastxai.arguments.targets import not_finite
from fastxai.masks.control_variate import control_variate_maps
from fastxai.masks.designs import (
    SHIFT_RANGE,
    check_estimator,
    check_masks,
    check_num_masks,
    check_seed,
    chosen_design,
    drawn_seed,
)
from fastxai.ops import MaskSpec
from fastxai.ops.checks import base_levels
from fastxai.perturbation.batches import even_batch
from fastxai.torch.masked_step import CudaStep, HostStep, MaskedStep
from fastxai.torch.perturbation import Activation, Output, PerturbationAttribution


@dataclass(frozen=True)
class _Plan:
    """What a call does for each of its images."""

    units: int  # masks
    spec: MaskSpec
    base: np.ndarray  # (C,) float32


class RISE(PerturbationAttribution):
    r"""Randomized Input Sampling for Explanation; see `fastxai.explainer.RISE` for the method.

    Values estimate E[f M], in [0, p] for probabilities, and are not stretched to [0, 1].

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: What turns its scores into probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Masked images scored at a time, at most.
        num_masks: N, masks per image; at least 2 for 'centred' and 256 for 'control-variate'.
        mask_probability: p, probability of a cell to be kept, in (0, 1); 0.5 for 'oa128'.
        grid_size: Coarse cells per axis, an int or (rows, columns); at most 127 cells for 'oa128'.
        base_value: What a masked pixel shows, in the units of the inputs: a float, or one per
            channel.
        seed: 0 .. 2^64 - 1 for reproducible masks. None draws one per call from NumPy's global
            generator.
        estimator: 'centred', 'plain' or 'control-variate'.
        design: 'iid' or 'oa128'; None: 'oa128' for 'centred' maps of at least 512 masks with keep
            probability 0.5 and at most 127 cells, else 'iid'.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Randomness:
        Mask i is a pure function of (seed, i), the same as in `fastxai.explainer.RISE`.

    Precision:
        Products in float32, rounded once to the network's dtype; sums in float64. On a GPU the
        masked images and the sums of equal scores have the CPU's bits.

    Source:
        Petsiuk, Das and Saenko, "RISE", BMVC 2018, equation 6 (times p).

    Supported Platforms:
        CPU; NVIDIA GPUs with `libfastxai_cuda.so`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from fastxai.torch import RISE
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
        >>> rise = RISE(network, nn.Softmax(dim=1), num_masks=64, seed=0)
        >>> tuple(rise(torch.ones(1, 3, 16, 16), 2).shape)
        (1, 1, 16, 16)
    """

    _unit = "mask"

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
        perturbation_per_eval: int = 32,
        *,
        num_masks: int = 6000,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: float | tuple[float, ...] = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
        design: str | None = None,
        output: Output = None,
    ) -> None:
        super().__init__(network, activation_fn, perturbation_per_eval, output=output)
        owner = self._owner
        self._estimator = check_estimator(owner, estimator)
        self._num_masks = check_num_masks(owner, num_masks, estimator)
        self._mask_probability, self._grid_size, design = check_masks(
            owner, mask_probability, grid_size, design
        )
        self._design = chosen_design(
            design, self._mask_probability, self._grid_size, estimator, self._num_masks
        )
        self._base_value = base_value
        self._seed = check_seed(owner, seed)

    def _plan(self, channels: int, size: tuple[int, int]) -> _Plan:
        seed = drawn_seed() if self._seed is None else self._seed
        spec = MaskSpec(
            seed, size, self._grid_size, self._mask_probability, SHIFT_RANGE, self._design
        )
        base = base_levels(self._owner, self._base_value, channels)
        return _Plan(self._num_masks, spec, base)

    def _explain(
        self, image: torch.Tensor, labels: np.ndarray, plan: _Plan, advance: Callable[[int], None]
    ) -> torch.Tensor:
        batch = even_batch(plan.units, self._perturbation_per_eval)
        step = self._make_step(image, labels, plan, batch)
        for first in range(0, plan.units, batch):
            count = min(batch, plan.units - first)
            step(first, count)
            advance(count)
        bad = step.bad_batch()
        if bad >= 0:
            last = min((bad + 1) * batch, plan.units) - 1
            raise not_finite(self._owner, "masks", bad * batch, last)
        if self._estimator == "control-variate":
            return torch.from_numpy(control_variate_maps(step.scores(), plan.spec))
        return step.maps(self._estimator, plan.units)

    def _make_step(
        self, image: torch.Tensor, labels: np.ndarray, plan: _Plan, batch: int
    ) -> MaskedStep:
        kind = CudaStep if image.device.type == "cuda" else HostStep
        keep = self._estimator == "control-variate"
        memory = self._batch_on(image, batch)
        return kind(
            lambda copies: self._score(copies, labels),
            image, labels, plan.base, plan.spec, memory, keep,
        )  # fmt: skip
