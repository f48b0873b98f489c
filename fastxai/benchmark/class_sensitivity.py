"""Class sensitivity: maps of different classes should differ."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np

from fastxai.benchmark.metric import LabelAgnosticMetric
from fastxai.common.utils import calc_correlation
from fastxai.network.evaluation import one_call_at_a_time


class ClassSensitivity(LabelAgnosticMetric):
    r"""How much the map of the most likely class differs from that of the least likely one.

    With :math:`\rho` Pearson's correlation of the two maps, the result is :math:`(1 - \rho) / 2`:
    0 for equal maps, 0.5 for unrelated, 1 for opposite ones. A constant map (also one of zeros) is
    unrelated to every other: 0.5 (mindspore_xai: NaN unless it is zero). Higher is better.

    Works with every explainer that takes one target per image, RISE and RISEPlus too
    (mindspore_xai: ValueError): both maps come from one call for two copies of the image, so
    random explainers use the same masks for both.

    Source:
        mindspore_xai's metric, with the two cases above repaired.

    Supported Platforms:
        Those of the explainer, in PYNATIVE_MODE and GRAPH_MODE.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.benchmark import ClassSensitivity
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 8 * 8, 4))
        >>> sensitivity = ClassSensitivity()
        >>> image = ms.Tensor(np.ones((1, 3, 8, 8), np.float32))
        >>> result = sensitivity.evaluate(Occlusion(network, nn.Softmax()), image)
        >>> sensitivity.aggregate(result)
        >>> result.shape, sensitivity.performance == result[0]
        ((1,), True)
    """

    @one_call_at_a_time
    def evaluate(self, explainer: Any, inputs: ms.Tensor) -> np.ndarray:
        """Evaluates an explainer on one image.

        Args:
            explainer: The explainer.
            inputs: Tensor (1, C, H, W), floats or integers (used as float32), finite.

        Returns:
            (1,) float64 in [0, 1].

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: `inputs` is not one finite image, or the network or the explainer returns
                something that is not finite or of the wrong shape.
        """
        image = self._checked_image(explainer, inputs)
        scores = self._scorer(explainer.network, image[None], output=explainer._output_path)[0]
        labels = np.array([scores.argmax(), scores.argmin()], np.int32)
        pair = ms.Tensor(np.stack([image, image]))
        likely, unlikely = self._explain(explainer, pair, ms.Tensor(labels))
        return np.array([(1.0 - calc_correlation(likely.ravel(), unlikely.ravel())) / 2.0])
