"""What perturbation explainers share: the network with its activation, scored in batches."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from fastxai.common.attribution import Attribution
from fastxai.common.inputs import check_target_range
from fastxai.ops.checks import check_int


class ScoreCell(nn.Cell):
    """Images to activated scores (M, K) float32; further output axes are averaged.

    `auto_prefix=False` keeps MindSpore from renaming the parameters of the caller's network.
    """

    def __init__(self, network: nn.Cell, activation: nn.Cell, dtype: Any) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.activation = activation
        self.dtype = dtype

    def construct(self, images: ms.Tensor) -> ms.Tensor:
        """Scores of images (M, C, H, W)."""
        scores = self.activation(self.network(images.astype(self.dtype)))
        if scores.ndim == 1:
            scores = scores.reshape(-1, 1)
        if scores.ndim > 2:
            scores = scores.mean(axis=tuple(range(2, scores.ndim)))
        return scores.astype(ms.float32)


class PerturbationAttribution(Attribution):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: Cell that turns its output into probabilities, such as `nn.Softmax()`.
        perturbation_per_eval: Perturbed images scored at a time, at most.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive.
    """

    def __init__(
        self, network: nn.Cell, activation_fn: nn.Cell, perturbation_per_eval: int = 32
    ) -> None:
        super().__init__(network)
        self._check_cell("activation_fn", activation_fn)
        self._activation_fn = activation_fn
        self._perturbation_per_eval = check_int(
            self._owner, "perturbation_per_eval", perturbation_per_eval, 1, 2**31 - 1
        )

    def _batch_size(self, total: int) -> int:
        """Copies per batch: at most `perturbation_per_eval`, batches as even as possible."""
        batches = -(-total // self._perturbation_per_eval)
        return -(-total // batches)

    def _network_dtype(self) -> Any:
        """What the network computes in: the dtype of its first floating-point parameter."""
        floating = (ms.float32, ms.float16, ms.bfloat16, ms.float64)
        for parameter in self._network.get_parameters():
            if parameter.dtype in floating:
                return parameter.dtype
        return ms.float32

    def _check_scores(self, shape: tuple[int, ...], rows: int, targets: np.ndarray) -> None:
        """Refuses an output that is not one row of class scores per image.

        Raises:
            ValueError: Wrong shape, or a target that the network does not have.
        """
        if len(shape) != 2 or shape[0] != rows:
            raise ValueError(
                f"{self._owner}: `network` must return (M, classes) scores for M images, got "
                f"shape {tuple(shape)} for {rows} images."
            )
        check_target_range(self._owner, targets, shape[1])

    def _not_finite(self, kind: str, first: int, last: int) -> ValueError:
        return ValueError(
            f"{self._owner}: the network returned scores that are not finite for {kind} "
            f"{first}..{last}. Check the network's weights and the range of the input values."
        )


def gather_targets(scores: ms.Tensor, targets: ms.Tensor) -> ms.Tensor:
    """Columns of `scores` (M, K); a target outside stands for the last one until it is checked."""
    return ops.gather(scores, ops.minimum(targets, scores.shape[1] - 1), 1)
