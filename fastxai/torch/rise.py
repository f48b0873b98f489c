"""RISE over a PyTorch network."""

from __future__ import annotations

from typing import Any

from torch import nn

from fastxai.arguments.scores import Output
from fastxai.ops.base_value import BaseValue
from fastxai.perturbation.random_masks import RandomMasks
from fastxai.torch.perturbation import Activation, PerturbationAttribution


class RISE(RandomMasks, PerturbationAttribution):
    r"""Randomized Input Sampling for Explanation; see `fastxai.explainer.RISE` for the method.

    Values estimate E[f M], in [0, p] for probabilities, and are not stretched to [0, 1].

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: Map from its scores to probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Masked images scored at a time, at most.
        num_masks: N, masks per image; at least 2 for 'centred' and 256 for 'control-variate'.
            'auto', the default: as many as it takes, each image its own number; see `tol`.
        tol: With 'auto', an image is done when the predicted correlation of all its maps with
            those of infinitely many masks is this, in (0, 1). It is looked at after 512 masks and
            every 256 thereafter.
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
        seed: 0 .. 2^64 - 1 for reproducible masks. None draws one per call from NumPy's global
            generator.
        estimator: 'centred', 'plain' or 'control-variate'.
        design: 'iid', 'oa128', 'placed' or 'lattice'; None: the last for 'centred' maps of at least
            512 masks with keep probability 0.5 and at most 127 cells, else 'iid'.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs, an array (M, K) or (M, K, ...) float32 after `activation_fn`, to
            (M, T); targets are then columns of T, and None explains all of them. It is computed on
            the host, also where the network is on a GPU.
        grid: None: `grid_size` cells, enlarged and shifted. 'patch': cells that are the patches of
            a transformer, found in the network; 'patch:16' or 'patch:16x8': of that many pixels.
            Such masks are constant within a patch and never shifted.

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

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
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
