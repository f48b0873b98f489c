"""RISE over a model."""

from __future__ import annotations

from typing import Any

from fastxai.arguments.scores import Output
from fastxai.models.outputs import Activation
from fastxai.models.perturbation import PerturbationAttribution
from fastxai.ops.base_value import BaseValue
from fastxai.perturbation.random_masks import RandomMasks


class RISE(RandomMasks, PerturbationAttribution):
    r"""Randomized Input Sampling for Explanation; see `fastxai.explainer.RISE` for the method.

    Values estimate E[f M], in [0, p] for probabilities, and are not stretched to [0, 1]. Images may
    be arrays or Tensors of any framework, and maps come back in the same kind.

    Args:
        network: A model from `fastxai.load`, or a function from a batch (M, C, H, W) float32 to
            scores (M, classes) or (M, classes, ...), further axes being averaged; or a
            `fastxai.models.Callable` of one, with retries.
        activation_fn: Map from its scores to probabilities: 'softmax', 'sigmoid', a function of
            rows (., classes), or None where the scores are explained as they are.
        perturbation_per_eval: Masked images scored at a time, at most.
        num_masks: N, masks per image; at least 2 for 'centred' and 256 for 'control-variate'.
            'auto', the default: as many as it takes, each image its own number; see `tol`.
        tol: With 'auto', predicted correlation in (0, 1) with the maps of infinitely many masks at
            which an image is done. RISE checks it after 512 masks and every 256 thereafter.
        max_masks: With 'auto', the most masks for an image, 512 or more; where it ends an image, a
            warning is logged.
        mask_probability: p, probability of a cell to be kept, in (0, 1); 0.5 but for 'iid'.
        grid_size: Coarse cells per axis, an int or (rows, columns); at most 127 cells but for
            'iid'.
        base_value: What a masked pixel shows, in the units of the inputs: a number, one per
            channel, an array or Tensor (C, H, W), or a word. 'blur': the image under a Gaussian of
            standard deviation max(H, W) / 20, 'blur:12' of 12 pixels. 'mean': the mean of each
            channel of the image. 'noise': uniform between the extremes of each channel, from
            `seed`.
        seed: Seed of the masks, 0 .. 2^64 - 1. None draws one per call from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.
        estimator: 'centred', 'plain' or 'control-variate'.
        design: 'iid', 'oa128', 'placed' or 'lattice'; None: the least noisy one that fits, see
            `fastxai.explainer.RISE`. 'lattice' does not go with 'control-variate', which it would
            bias.
        output: Place of the scores in what `network` returns, if that is no array: the name of
            an output, an index, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs (M, ...), activated, to (M, T); targets are then columns of T.
        grid: None: `grid_size` cells, enlarged and shifted. 'patch': cells that are the patches of
            a transformer, found in the network; 'patch:16' or 'patch:16x8': of that many pixels.
            Such masks are constant within a patch and never shifted.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Randomness:
        Mask i is a pure function of (seed, i), the same as in `fastxai.explainer.RISE`.

    Precision:
        Products in float32, sums in float64; scores as float32.

    Source:
        Petsiuk, Das and Saenko, "RISE", BMVC 2018, equation 6 (times p).

    Supported Platforms:
        CPU; the model may compute where it likes.

    Example:
        >>> import numpy as np
        >>> from fastxai.models import RISE
        >>> rise = RISE(lambda batch: batch.mean(axis=(2, 3)), num_masks=64, seed=0)
        >>> rise(np.ones((1, 3, 16, 16), np.float32), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Activation = None,
        perturbation_per_eval: int = 32,
        *,
        num_masks: int | str = "auto",
        tol: float = 0.95,
        max_masks: int = 6000,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: BaseValue = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
        design: str | None = None,
        output: Output = None,
        score: Any = None,
        grid: str | None = None,
    ) -> None:
        super().__init__(network, activation_fn, perturbation_per_eval, output=output, score=score)
        self._set_masks(
            num_masks=num_masks,
            tol=tol,
            max_masks=max_masks,
            mask_probability=mask_probability,
            grid_size=grid_size,
            base_value=base_value,
            seed=seed,
            estimator=estimator,
            design=design,
            grid=grid,
        )
