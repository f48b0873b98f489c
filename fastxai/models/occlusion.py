"""Occlusion over a model."""

from __future__ import annotations

from typing import Any

from fastxai.arguments.scores import Output
from fastxai.models.outputs import Activation
from fastxai.models.perturbation import PerturbationAttribution
from fastxai.ops.base_value import BaseValue
from fastxai.perturbation.windows import Windows


class Occlusion(Windows, PerturbationAttribution):
    r"""How much the score drops when a window is covered; see `fastxai.explainer.Occlusion`.

    Args:
        network: A model from `fastxai.load`, or a function from a batch (M, C, H, W) float32 to
            scores (M, classes) or (M, classes, ...), further axes being averaged; or a
            `fastxai.models.Callable` of one, with retries.
        activation_fn: Map from its scores to probabilities: 'softmax', 'sigmoid', a function of
            rows (., classes), or None where the scores are explained as they are.
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
        output: Place of the scores in what `network` returns, if that is no array: the name of
            an output, an index, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs (M, ...), activated, to (M, T); targets are then columns of T.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Precision:
        Covered images are exact copies; scores float32, sums float64.

    Source:
        Zeiler and Fergus, ECCV 2014, section 4.2.

    Supported Platforms:
        CPU; the model may compute where it likes.

    Example:
        >>> import numpy as np
        >>> from fastxai.models import Occlusion
        >>> occlusion = Occlusion(lambda batch: batch.mean(axis=(2, 3)), window=4)
        >>> occlusion(np.ones((1, 3, 16, 16), np.float32), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Activation = None,
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
