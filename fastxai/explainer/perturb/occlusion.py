"""Occlusion: saliency from covering one window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastxai.common.attribution import Output
from fastxai.explainer.perturb.perturbation import PerturbationAttribution
from fastxai.perturbation.windows import Windows

if TYPE_CHECKING:
    from fastxai.network.activation import Activation
    from fastxai.ops.base_value import BaseValue


class Occlusion(Windows, PerturbationAttribution):
    r"""How much the score drops when a window of the image is covered.

    With :math:`d_p` the score of the image minus its score with window p covered, a pixel's value
    is :math:`|\sum_{p \ni pixel} d_p| / (1 + \#\{p \ni pixel\})`. The 1 in the denominator is
    mindspore_xai's: with windows that do not overlap the map shows half the drop. Drops and rises
    look alike. Pixels that no window reaches are 0.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came. Or a model of `fastxai.load` or a function
            of arrays, as `fastxai.models` explains them.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        perturbation_per_eval: Covered images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
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
        engine: Engine of the scores: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None:
            what `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32' or 'bfloat16'; None: what `fastxai.set_engine` says.
        output: Place of the scores in the network's output, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.
        score: What to explain in place of a class: a class index, a score of `fastxai.scores`, or a
            function from outputs, an array (M, K) or (M, K, ...) float32 after `activation_fn`, to
            (M, T); targets are then columns of T, and None explains all of them.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Precision:
        Covered images are exact copies; scores float32, sums float64.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
        section 4.2.

    Supported Platforms:
        ``CPU`` natively; ``Ascend`` with vendor ops if they are installed, and other devices of
        MindSpore with MindSpore's own operators: `fastxai.ops.select_device_ops`. Never run there.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> occlusion = Occlusion(network, nn.Softmax(), window=4)
        >>> occlusion(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    def __init__(
        self,
        network: Any,
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        window: int | tuple[int, int] | str | None = None,
        strides: int | tuple[int, int] | None = None,
        base_value: BaseValue = 0.0,
        engine: str | None = None,
        precision: str | None = None,
        output: Output = None,
        score: Any = None,
    ) -> None:
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            engine=engine,
            precision=precision,
            output=output,
            score=score,
        )
        self._set_windows(window, strides, base_value)
