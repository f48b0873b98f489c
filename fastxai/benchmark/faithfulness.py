"""Faithfulness: the pixels that a map calls important should matter to the network."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np

from fastxai.benchmark.metric import Case, LabelSensitiveMetric
from fastxai.common.utils import calc_auc, calc_correlation
from fastxai.engine.selector import Selector
from fastxai.engine.settings import Choice
from fastxai.network.activation import Activation
from fastxai.network.evaluation import one_call_at_a_time
from fastxai.ops.base_value import BaseValue, base_of, base_word
from fastxai.ops.checks import check_int
from fastxai.perturbation.ranked_pixels import RankedPixels, order_of

_METRICS = ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")
_SHARE = 0.5  # of the pixels are perturbed, the most salient ones
_MIN_PIXELS = 9  # three steps: the sums below leave the first and the last out


class Faithfulness(LabelSensitiveMetric):
    r"""How much the score depends on the pixels that a map calls important. Higher is better.

    The more salient half of the H W pixels is perturbed in :math:`n = \lfloor\sqrt{HW}\rfloor`
    steps of equally many pixels, from the most salient one on (equal ones row by row), all channels
    to the base, 0 if not given. With :math:`p_j` the score of the class after step j, the result is
    :math:`(1 + v) / 2`, in [0, 1] for scores that are probabilities, and 0.5 where no step changes
    the score.

    * 'NaiveFaithfulness': step j covers its own pixels only; v is minus Pearson's correlation of
      their mean saliency with :math:`p_j`; 0 where one of the two does not vary.
    * 'DeletionAUC': the pixels of steps 1 .. j are covered;
      :math:`v = \frac{1}{n} \sum_{j=2}^{n-1} (p_{image} - p_j)`. A faithful map makes the score
      fall early. mindspore_xai has 1 minus this v, which is highest for the worst map: its result r
      is 1.5 - r here.
    * 'InsertionAUC': the pixels of steps 1 .. j are shown on the base;
      :math:`v = \frac{1}{n} \sum_{j=2}^{n-1} (p_j - p_{base})`.

    Args:
        num_labels: Classes of the network.
        activation_fn: Map from its scores to probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        metric: 'NaiveFaithfulness', 'DeletionAUC' or 'InsertionAUC'.
        batch_size: Perturbed images scored at a time, at most; bounds the memory.
        base_value: What a perturbed pixel shows: a number, one per channel, an array or Tensor
            (C, H, W), 'blur', 'blur:RADIUS', 'mean' or 'noise' (of seed 0), as in `RISE`.
        engine: Engine of the scores: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None: what
            `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32' or 'bfloat16'; None: what `fastxai.set_engine` says.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `num_labels` or `batch_size` is not positive, or a word is unknown.
        ImportError: The engine is not installed.

    Precision:
        Perturbed images are exact copies; scores float32, sums float64.

    Source:
        Deletion and insertion: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for
        Explanation of Black-box Models", BMVC 2018, over half of the pixels, the ends of the curve
        left out as in mindspore_xai. Naive: mindspore_xai, after Alvarez-Melis and Jaakkola,
        "Towards Robust Interpretability with Self-Explaining Neural Networks", NeurIPS 2018.

    Supported Platforms:
        ``CPU`` natively; other devices of MindSpore with perturbed images made on the host.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.benchmark import Faithfulness
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> faithfulness = Faithfulness(4, nn.Softmax(), 'DeletionAUC')
        >>> explainer = Occlusion(network, nn.Softmax())
        >>> result = faithfulness.evaluate(explainer, ms.Tensor(np.ones((1, 3, 16, 16))), 2)
        >>> faithfulness.aggregate(result, 2)
        >>> result.shape, faithfulness.class_performances[2] == result[0]
        ((1,), True)
    """

    def __init__(
        self,
        num_labels: int,
        activation_fn: Activation,
        metric: str = "NaiveFaithfulness",
        *,
        batch_size: int = 32,
        base_value: BaseValue = 0.0,
        engine: str | None = None,
        precision: str | None = None,
    ) -> None:
        super().__init__(num_labels, activation_fn)
        if not isinstance(metric, str):
            kind = type(metric).__name__
            raise TypeError(f"{self._owner}: `metric` must be a str, got {kind}.")
        if metric not in _METRICS:
            raise ValueError(f"{self._owner}: `metric` must be one of {_METRICS}, got {metric!r}.")
        self._metric = metric
        self._batch_size = check_int(self._owner, "batch_size", batch_size, 1, 2**31 - 1)
        if isinstance(base_value, str):
            base_word(self._owner, base_value)
        self._base_value = base_value
        self._selector = Selector(self._owner, engine, precision)

    @property
    def engine(self) -> Choice | None:
        """Engine of the last evaluation, the reason and its error; None before the first."""
        return self._selector.choice

    @one_call_at_a_time
    def evaluate(
        self,
        explainer: Any,
        inputs: ms.Tensor,
        targets: Any,
        saliency: ms.Tensor | None = None,
    ) -> np.ndarray:
        """Evaluates an explainer, or a map of it, on one image.

        Args:
            explainer: The explainer; its network must have `num_labels` classes.
            inputs: Tensor (1, C, H, W), floats or integers (used as float32), finite, H W at
                least 9.
            targets: The class to explain, in [0, num_labels): int, list, tuple, ndarray or Tensor.
            saliency: Tensor (1, 1, H, W), finite: the explainer's map. None calls the explainer.

        Returns:
            (1,) float64.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, the network has another number of
                classes, or it or the explainer returns something that is not finite.
        """
        case = self._case(explainer, inputs, targets, saliency)
        pixels = case.saliency.size
        if pixels < _MIN_PIXELS:
            raise ValueError(
                f"{self._owner}: `inputs` must have at least {_MIN_PIXELS} pixels, got "
                f"{case.saliency.shape}."
            )
        steps = math.isqrt(pixels)
        per_step = int(pixels * _SHARE) // steps
        order = order_of(case.saliency)
        ends = np.arange(steps + 1) * per_step  # ranks where the steps begin and end
        if self._metric == "NaiveFaithfulness":
            intervals = np.stack([ends[:-1], ends[1:]], axis=1)
            scores = self._perturbed_scores(explainer, case, order, intervals)
            levels = case.saliency.ravel()[order[: ends[-1]]].reshape(steps, per_step).mean(axis=1)
            value = -calc_correlation(levels, scores)
        else:
            insertion = self._metric == "InsertionAUC"
            intervals = np.stack([np.zeros_like(ends), ends], axis=1)
            scores = self._perturbed_scores(explainer, case, order, intervals, insertion)
            change = scores[1:] - scores[0] if insertion else scores[0] - scores[1:]
            value = calc_auc(change)
        return np.array([(1.0 + value) / 2.0])

    def _perturbed_scores(
        self,
        explainer: Any,
        case: Case,
        order: np.ndarray,
        intervals: np.ndarray,
        outside: bool = False,
    ) -> np.ndarray:
        """Scores (M,) of the class with the pixels of each interval of the order set to the base.

        Args:
            explainer: The explainer, of whose network they are.
            case: Image and class.
            order: (H W,) pixels, the most salient one first.
            intervals: (M, 2) places in the order.
            outside: Set the other pixels to it.
        """
        network, path = explainer.network, explainer._output_path
        base = base_of(self._owner, self._base_value, case.image.shape).of(case.image)
        copies = RankedPixels(case.image, order, intervals, base, outside, self._batch_size)
        engine = self._scorer.engine_for(
            self._selector,
            network,
            copies.shape,
            copies.count,
            lambda out: copies.fill(0, out),
            path,
        )

        def score(batch: np.ndarray) -> np.ndarray:
            return self._scorer(network, batch, engine, path)[:, case.target]

        return copies.scores(score)
