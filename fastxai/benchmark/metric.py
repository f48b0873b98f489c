"""Bases of the metrics: checks, maps and scores; results gathered over images."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np

from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.arguments.targets import check_target_range, targets_array
from fastxai.benchmark._scores import MetricScorer
from fastxai.benchmark._values import finite_mean, to_values
from fastxai.common.attribution import Attribution
from fastxai.network.activation import Activation
from fastxai.network.inputs import to_images
from fastxai.ops.checks import check_int
from fastxai.system.call_lock import CallLock
from fastxai.visual.cv.display import in_notebook


class AttributionMetric(SettingsRepr):
    """A measure of the maps of an explainer.

    Args:
        activation_fn: Map from the network's scores to probabilities: a Cell, 'softmax',
            'sigmoid', a function of rows (., classes), or None where they are taken as they are.

    Raises:
        TypeError: `activation_fn` is of the wrong kind.
        ValueError: It is an unknown word.
    """

    def __init__(self, activation_fn: Activation = None) -> None:
        self._scorer = MetricScorer(self._owner, activation_fn)
        self._lock = CallLock()

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def _checked_image(self, explainer: Any, inputs: Any) -> np.ndarray:
        """The only image of `inputs`, (C, H, W) float32."""
        if not isinstance(explainer, Attribution):
            kind = type(explainer).__name__
            raise TypeError(
                f"{self._owner}: `explainer` must be an explainer of fastxai (an Attribution), "
                f"got {kind}."
            )
        images = to_images(self._owner, inputs)
        if len(images) != 1:
            raise ValueError(
                f"{self._owner}: `inputs` must be one image (1, C, H, W), got shape "
                f"{images.shape}; evaluate images one at a time."
            )
        return images[0]

    def _explain(self, explainer: Attribution, images: ms.Tensor, targets: Any) -> np.ndarray:
        """Maps (N, H, W) float64 of images for one target each, not displayed."""
        display: dict[str, bool] = {"show": False} if in_notebook() else {}
        maps = explainer(images, targets, **display)  # type: ignore[operator]
        shape = (images.shape[0], 1, *images.shape[2:])
        return self._checked_maps("the explainer's map", maps, shape)[:, 0]

    def _checked_maps(self, name: str, maps: Any, shape: tuple[int, ...]) -> np.ndarray:
        """Maps of this shape, (N, 1, H, W) float64."""
        if not isinstance(maps, ms.Tensor):
            raise TypeError(f"{self._owner}: {name} must be a Tensor, got {type(maps).__name__}.")
        array = (maps.astype(ms.float32) if maps.dtype == ms.bfloat16 else maps).asnumpy()
        if array.dtype.kind not in "fiu":
            raise TypeError(f"{self._owner}: {name} must hold numbers, got {maps.dtype}.")
        if array.shape != shape:
            raise ValueError(
                f"{self._owner}: {name} must have shape {shape}, that of the image, got "
                f"{array.shape}."
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{self._owner}: {name} must be finite, got NaN or infinity.")
        return array.astype(np.float64)


class LabelAgnosticMetric(AttributionMetric):
    """A metric whose results do not belong to a class; gathers them."""

    def __init__(self) -> None:
        super().__init__()
        self._results: list[float] = []

    def aggregate(self, result: Any) -> None:
        """Adds results.

        Args:
            result: A number, a 0-D or 1-D ndarray or Tensor, or a list of those.

        Raises:
            TypeError: `result` is of another kind.
            ValueError: It has more than one dimension, or is empty.
        """
        self._results.extend(to_values(self._owner, result))

    @property
    def performance(self) -> float:
        """Mean of the finite results, 0 without any."""
        return finite_mean(self._results)

    def get_results(self) -> list[float]:
        """A copy of the results, in the order they were added."""
        return list(self._results)

    def reset(self) -> None:
        """Forgets the results."""
        self._results.clear()


@dataclass(frozen=True)
class Case:
    """One image with all that a metric of one class needs."""

    image: np.ndarray  # (C, H, W) float32
    target: int
    scores: np.ndarray  # (classes,) float64, activated
    saliency: np.ndarray  # (H, W) float64


class LabelSensitiveMetric(AttributionMetric):
    """A metric whose results belong to the class that was explained; gathers them by class.

    Args:
        num_labels: Classes of the network, at least 1.
        activation_fn: As in `AttributionMetric`.

    Raises:
        TypeError: `num_labels` is not an int.
        ValueError: `num_labels` is not positive.
    """

    def __init__(self, num_labels: int, activation_fn: Activation = None) -> None:
        super().__init__(activation_fn)
        self._num_labels = check_int(self._owner, "num_labels", num_labels, 1, 2**31 - 1)
        self._results: dict[int, list[float]] = {label: [] for label in range(self._num_labels)}

    @property
    def num_labels(self) -> int:
        """Classes of the network."""
        return self._num_labels

    def aggregate(self, result: Any, targets: Any) -> None:
        """Adds results to their classes; all of them, whatever they come in.

        Args:
            result: A number, a 0-D or 1-D ndarray or Tensor, or a list of those.
            targets: The class of each, in [0, num_labels): one for all, or as many as results; int,
                list, tuple, ndarray or Tensor of integers.

        Raises:
            TypeError: An argument is of another kind.
            ValueError: Their lengths differ, or a class is out of range.
        """
        values = to_values(self._owner, result)
        labels = self._checked_targets(targets, len(values))
        for value, label in zip(values, labels, strict=True):
            self._results[int(label)].append(value)

    @property
    def class_performances(self) -> list[float]:
        """Mean of the finite results of every class, 0 where there is none."""
        return [finite_mean(values) for values in self._results.values()]

    @property
    def performance(self) -> float:
        """Mean of the finite results of all classes together, 0 without any."""
        return finite_mean(value for values in self._results.values() for value in values)

    def get_results(self) -> dict[int, list[float]]:
        """A copy of the results: class to list."""
        return copy.deepcopy(self._results)

    def reset(self) -> None:
        """Forgets the results."""
        for values in self._results.values():
            values.clear()

    def _case(self, explainer: Any, inputs: Any, targets: Any, saliency: Any) -> Case:
        """Checks what `evaluate` was given; explains the image where no map was."""
        image = self._checked_image(explainer, inputs)
        target = int(self._checked_targets(targets, 1)[0])
        shape = (1, 1, *image.shape[1:])
        given = (
            None if saliency is None else self._checked_maps("`saliency`", saliency, shape)[0, 0]
        )
        scores = self._scorer(explainer.network, image[None], output=explainer._output_path)[0]
        if len(scores) != self._num_labels:
            raise ValueError(
                f"{self._owner}: `num_labels` is {self._num_labels}, but the network has "
                f"{len(scores)} classes."
            )
        if given is None:
            given = self._explain(explainer, inputs, target)[0]
        return Case(image, target, scores, given)

    def _checked_targets(self, targets: Any, number: int) -> np.ndarray:
        """One class per result, (number,) int64."""
        array = targets_array(self._owner, targets, number)
        if array.shape[1] != 1:
            raise ValueError(
                f"{self._owner}: `targets` must be one class per image, got {array.shape[1]}."
            )
        check_target_range(self._owner, array, self._num_labels)
        return array[:, 0]
