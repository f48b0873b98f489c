"""Robustness: images that look the same to the network should get the same map."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np

from fastxai.benchmark.metric import Case, LabelSensitiveMetric
from fastxai.network.activation import Activation
from fastxai.network.evaluation import one_call_at_a_time
from fastxai.ops.checks import check_int

_PERTURBATIONS = 10
_RADIUS = 0.2  # noise per value, in the units of the inputs
_SAME_PREDICTION = 0.1  # Euclidean distance of activated scores


class Robustness(LabelSensitiveMetric):
    r"""How little the map moves when the image is perturbed by noise. Higher is better.

    Ten perturbed images :math:`x_i = x + u_i` are drawn once each, every value of :math:`u_i`
    uniform in [-0.2, 0.2). Those count for which the network sees the same as before,
    :math:`\|f(x_i) - f(x)\|_2 \le 0.1` with f the activated scores; if there is none, the one with
    the smallest distance. The result is :math:`e^{-q}`,

    .. math:: q = \max_i \|S(x_i) - S(x)\|_2 \,/\, \|S(x)\|_2 .

    mindspore_xai compares f(x) with the activation of f(x) instead of with :math:`f(x_i)`: it uses
    every perturbation, and draws thirty for ten. Where all ten count, results agree.

    A map S(x) of zeros that stays one does not move: 1. If it becomes another, no change is larger
    in proportion: 0. (mindspore_xai: NaN.)

    Args:
        num_labels: Classes of the network.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        seed: 0 .. 2^32 - 1 for the same noise at every call. None draws from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `num_labels` is not positive, or `seed` is out of range.

    Randomness:
        10 C H W numbers of NumPy's generator at every call, before the explainer is called. A
        random explainer without a seed of its own moves from call to call, which counts as a
        change of its map.

    Source:
        Yeh, Hsieh, Suggala, Inouye and Ravikumar, "On the (In)fidelity and Sensitivity of
        Explanations", NeurIPS 2019 (maximum sensitivity), made relative and decreasing.

    Supported Platforms:
        Those of the explainer, in PYNATIVE_MODE and GRAPH_MODE.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.benchmark import Robustness
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 8 * 8, 4))
        >>> robustness = Robustness(4, nn.Softmax(), seed=0)
        >>> image = ms.Tensor(np.ones((1, 3, 8, 8), np.float32))
        >>> robustness.evaluate(Occlusion(network, nn.Softmax()), image, 2).shape
        (1,)
    """

    def __init__(
        self, num_labels: int, activation_fn: Activation, *, seed: int | None = None
    ) -> None:
        super().__init__(num_labels, activation_fn)
        self._seed = seed if seed is None else check_int(self._owner, "seed", seed, 0, 2**32 - 1)

    @one_call_at_a_time
    def evaluate(
        self,
        explainer: Any,
        inputs: ms.Tensor,
        targets: Any,
        saliency: ms.Tensor | None = None,
    ) -> np.ndarray:
        """Evaluates an explainer on one image.

        Args:
            explainer: The explainer; its network must have `num_labels` classes.
            inputs: Tensor (1, C, H, W), floats or integers (used as float32), finite.
            targets: The class to explain, in [0, num_labels): int, list, tuple, ndarray or Tensor.
            saliency: Tensor (1, 1, H, W), finite: the explainer's map of the image. None calls the
                explainer for it.

        Returns:
            (1,) float32 in [0, 1].

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, the network has another number of
                classes, or it or the explainer returns something that is not finite.
        """
        case = self._case(explainer, inputs, targets, saliency)
        size = float(np.linalg.norm(case.saliency))
        change = 0.0
        for image in self._perturbed(explainer, case):
            moved = self._explain(explainer, ms.Tensor(image[None]), case.target)[0]
            change = max(change, float(np.linalg.norm(moved - case.saliency)))
        relative = change / size if size > 0.0 else (math.inf if change > 0.0 else 0.0)
        return np.array([np.exp(-relative)], np.float32)

    def _perturbed(self, explainer: Any, case: Case) -> np.ndarray:
        """The perturbed images that count, (1 .. 10, C, H, W) float32."""
        source = np.random if self._seed is None else np.random.RandomState(self._seed)
        noise = source.uniform(-_RADIUS, _RADIUS, (_PERTURBATIONS, *case.image.shape))
        images = (case.image + noise).astype(np.float32)
        scores = self._scorer(explainer.network, images, output=explainer._output_path)
        distances = np.linalg.norm(scores - case.scores, axis=1)
        same = distances <= max(_SAME_PREDICTION, float(distances.min()))
        return images[same]
