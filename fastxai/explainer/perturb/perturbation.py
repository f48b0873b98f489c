"""What perturbation explainers share: the network with its activation, scored in batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.common.attribution import Attribution
from fastxai.common.guard import evaluating
from fastxai.common.inputs import to_images, to_targets
from fastxai.common.network import check_scores, class_scores, network_dtype
from fastxai.common.progress import Progress, check_progress, reporting
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
        return class_scores(scores).astype(ms.float32)


class PerturbationAttribution(Attribution, ABC):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: Cell that turns its output into probabilities, such as `nn.Softmax()`.
        perturbation_per_eval: Perturbed images scored at a time, at most.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive.
    """

    _unit: str  # what is counted: 'mask', 'window'

    def __init__(
        self, network: nn.Cell, activation_fn: nn.Cell, perturbation_per_eval: int = 32
    ) -> None:
        super().__init__(network)
        self._check_cell("activation_fn", activation_fn)
        self._activation_fn = activation_fn
        self._cells: dict[Any, nn.Cell] = {}  # compiled ones, by what fixes them
        self._perturbation_per_eval = check_int(
            self._owner, "perturbation_per_eval", perturbation_per_eval, 1, 2**31 - 1
        )

    def __call__(
        self,
        inputs: ms.Tensor,
        targets: Any,
        ret: str = "tensor",
        show: bool | None = None,
        *,
        progress: Progress = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite.
            targets: Class or classes to explain, each in [0, classes): one for all images, (N,), or
                (N, L) for L maps per image; int, list, tuple, ndarray or Tensor of integers.
            ret: 'tensor', or 'image' for a list (N) of lists (L) of RGB PIL images of size W x H.
            show: Display the maps; None displays them in a notebook only.
            progress: None shows a bar in a terminal or notebook when the run takes more than 3
                seconds, True at once, False never; a callable gets (done, total), counted in masks
                or windows of all images.

        Returns:
            Tensor (N, L, H, W) float32, or images.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, or the network returns scores that
                are not finite.
        """
        images = to_images(self._owner, inputs)
        classes = to_targets(self._owner, targets, len(images))
        self._check_output_form(ret, show)
        check_progress(self._owner, progress)
        size = (images.shape[2], images.shape[3])
        plan = self._plan(images.shape[1], size)
        maps = np.empty((len(images), classes.shape[1], *size))
        with (
            evaluating(self._network, self._activation_fn),
            reporting(progress, len(images) * plan.units, self._unit) as advance,
        ):
            for saliency, image, labels in zip(maps, images, classes, strict=True):
                saliency[...] = self._explain(image, labels, plan, advance)
        return self._deliver(maps, ret, show)

    @abstractmethod
    def _plan(self, channels: int, size: tuple[int, int]) -> Any:
        """What a call does for each image of this shape; `units` masks or windows."""

    @abstractmethod
    def _explain(
        self, image: np.ndarray, labels: np.ndarray, plan: Any, advance: Callable[[int], None]
    ) -> np.ndarray:
        """Maps (L, H, W) of one image (C, H, W) for classes (L,); tells `advance` of its units."""

    def _batch_size(self, total: int) -> int:
        """Copies per batch: at most `perturbation_per_eval`.

        All batches have the same size, so the last one may hold copies that do not count. With up
        to an eighth more batches than there must be, the number that leaves the fewest is taken.
        """
        least = -(-total // self._perturbation_per_eval)
        batches = min(range(least, least * 9 // 8 + 1), key=lambda number: -total % number)
        return -(-total // batches)

    def _network_dtype(self) -> Any:
        """What the network computes in: the dtype of its first floating-point parameter."""
        return network_dtype(self._network)

    def _check_scores(self, shape: tuple[int, ...], rows: int, targets: np.ndarray) -> None:
        """Refuses an output that is not one row of class scores per image.

        Raises:
            ValueError: Wrong shape, or a target that the network does not have.
        """
        check_scores(self._owner, shape, rows, targets)

    def _not_finite(self, kind: str, first: int, last: int) -> ValueError:
        return ValueError(
            f"{self._owner}: the network returned scores that are not finite for {kind} "
            f"{first}..{last}. Check the network's weights and the range of the input values."
        )


def view_of(batch: np.ndarray) -> ms.Tensor:
    """A batch as a Tensor: on the CPU a view of the array, elsewhere a copy on the device."""
    if ms.get_context("device_target") == "CPU":
        return ms.Tensor.from_numpy(batch)
    return ms.Tensor(batch)
