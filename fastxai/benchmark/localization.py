"""Localization: a map should point at the object."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np

from fastxai.benchmark.metric import LabelSensitiveMetric
from fastxai.network.evaluation import one_call_at_a_time

_METRICS = ("PointingGame", "IoSR")
_RADIUS = 15.0  # pixels
_SALIENT = 0.5  # of the map's maximum


class Localization(LabelSensitiveMetric):
    r"""How well a map agrees with a mask of the object. Higher is better.

    * 'PointingGame': 1 if some pixel of the object lies less than 15 pixels from the map's maximum
      (row and column as they are; mindspore_xai tests the transposed place and fails on images that
      are not square), else 0. Of equal maxima the first counts, row by row.
    * 'IoSR', intersection over salient region: with the salient pixels those above half the map's
      maximum, the share of them that lies on the object; 0 where no pixel is salient, as in a map
      without a positive value.

    A mask without a pixel gives 0.

    Args:
        num_labels: Classes of the network.
        metric: 'PointingGame' or 'IoSR'.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `num_labels` is not positive, or `metric` is unknown.

    Source:
        Pointing game: Zhang, Bargal, Lin, Brandt, Shen and Sclaroff, "Top-Down Neural Attention by
        Excitation Backprop", IJCV 2018 (tolerance 15 pixels). IoSR: mindspore_xai.

    Supported Platforms:
        Those of the explainer, in PYNATIVE_MODE and GRAPH_MODE.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.benchmark import Localization
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 40 * 40, 4))
        >>> localization = Localization(4)
        >>> image = ms.Tensor(np.ones((1, 3, 40, 40), np.float32))
        >>> mask, saliency = np.zeros((2, 1, 1, 40, 40), np.float32)
        >>> mask[0, 0, 30:, :10] = 1
        >>> saliency[0, 0, 35, 15] = 1
        >>> explainer = Occlusion(network, nn.Softmax())
        >>> localization.evaluate(explainer, image, 1, ms.Tensor(saliency), mask)
        array([1.])
    """

    def __init__(self, num_labels: int, metric: str = "PointingGame") -> None:
        super().__init__(num_labels)
        if not isinstance(metric, str):
            kind = type(metric).__name__
            raise TypeError(f"{self._owner}: `metric` must be a str, got {kind}.")
        if metric not in _METRICS:
            raise ValueError(f"{self._owner}: `metric` must be one of {_METRICS}, got {metric!r}.")
        self._metric = metric

    @one_call_at_a_time
    def evaluate(
        self,
        explainer: Any,
        inputs: ms.Tensor,
        targets: Any,
        saliency: ms.Tensor | None = None,
        mask: ms.Tensor | np.ndarray | None = None,
    ) -> np.ndarray:
        """Evaluates an explainer, or a map of it, on one image.

        Args:
            explainer: The explainer; its network must have `num_labels` classes.
            inputs: Tensor (1, C, H, W), floats or integers (used as float32), finite.
            targets: The class to explain, in [0, num_labels): int, list, tuple, ndarray or Tensor.
            saliency: Tensor (1, 1, H, W), finite: the explainer's map. None calls the explainer.
            mask: Tensor or ndarray (1, 1, H, W): where not 0, there is the object. Required.

        Returns:
            (1,) float64 in [0, 1].

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, `mask` is missing, or the network
                has another number of classes.
        """
        image = self._checked_image(explainer, inputs)
        on_object = self._checked_mask(mask, (1, 1, *image.shape[1:]))
        case = self._case(explainer, inputs, targets, saliency)
        score = _pointing_game if self._metric == "PointingGame" else _iosr
        return np.array([score(case.saliency, on_object)])

    def _checked_mask(self, mask: Any, shape: tuple[int, ...]) -> np.ndarray:
        """The mask as (H, W) bool."""
        if mask is None:
            raise ValueError(f"{self._owner}: `mask` must be given.")
        array = mask.asnumpy() if isinstance(mask, ms.Tensor) else mask
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            kind = getattr(mask, "dtype", type(mask).__name__)
            raise TypeError(
                f"{self._owner}: `mask` must be a Tensor or an ndarray of numbers, got {kind}."
            )
        if array.shape != shape:
            raise ValueError(
                f"{self._owner}: `mask` must have shape {shape}, that of the image, got "
                f"{array.shape}."
            )
        if np.isnan(array).any():
            raise ValueError(f"{self._owner}: `mask` must not hold NaN.")
        return array[0, 0].astype(bool)


def _pointing_game(saliency: np.ndarray, on_object: np.ndarray) -> float:
    row, col = np.unravel_index(saliency.argmax(), saliency.shape)
    rows, cols = np.nonzero(on_object)
    return float(((rows - row) ** 2 + (cols - col) ** 2 < _RADIUS**2).any())


def _iosr(saliency: np.ndarray, on_object: np.ndarray) -> float:
    salient = saliency > _SALIENT * saliency.max()
    number = int(salient.sum())
    return int((salient & on_object).sum()) / number if number else 0.0
