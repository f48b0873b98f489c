"""Occlusion over a PyTorch network."""

from __future__ import annotations

from typing import Any

from torch import nn

from fastxai.arguments.scores import Output
from fastxai.ops.base_value import BaseValue
from fastxai.perturbation.windows import Windows
from fastxai.torch.perturbation import Activation, PerturbationAttribution


class Occlusion(Windows, PerturbationAttribution):
    r"""How much the score drops when a window is covered; see `fastxai.explainer.Occlusion`.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: Map from its scores to probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Covered images scored at a time, at most.
        window: Window in pixels, an int or (rows, columns); all channels are covered. None: per
            axis of v pixels, v // 32 if v > 32, else 3, as in mindspore_xai. 'auto': v / 7, so 32
            at 224, which serves large pictures better. 'patch': the patch of a transformer, found
            in the network; 'patch:16' or 'patch:16x8': of that many pixels, in whole images.
        strides: Pixels from one window to the next, an int or (rows, columns). None: the window
            where v > 32, else 1; the window itself if `window` was given, a quarter of it for
            'auto'.
        base_value: What a covered pixel shows, in the units of the inputs: a number, one per
            channel, an array or Tensor (C, H, W), or a word. 'blur': the image under a Gaussian of
            standard deviation max(H, W) / 20, 'blur:12' of 12 pixels. 'mean': the mean of each
            channel of the image. 'noise': uniform between the extremes of each channel, from
            seed 0.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs, an array (M, K) or (M, K, ...) float32 after `activation_fn`, to
            (M, T); targets are then columns of T, and None explains all of them. It is computed on
            the host, also where the network is on a GPU.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Precision:
        Covered images are exact copies, rounded once to the network's dtype; sums float64.

    Source:
        Zeiler and Fergus, ECCV 2014, section 4.2.

    Supported Platforms:
        CPU; NVIDIA GPUs with `libfastxai_cuda.so`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from fastxai.torch import Occlusion
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
        >>> occlusion = Occlusion(network, nn.Softmax(dim=1), window=4)
        >>> tuple(occlusion(torch.ones(1, 3, 16, 16), 2).shape)
        (1, 1, 16, 16)
    """

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
        perturbation_per_eval: int = 32,
        *,
        window: int | tuple[int, int] | str | None = None,
        strides: int | tuple[int, int] | None = None,
        base_value: BaseValue = 0.0,
        output: Output = None,
        score: Any = None,
    ) -> None:
        super().__init__(network, activation_fn, perturbation_per_eval, output=output, score=score)
        self._set_windows(window, strides, base_value)
