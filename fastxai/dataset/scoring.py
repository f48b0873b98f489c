"""Images through one explainer: class scores, of a batch of them at once, and maps."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.ops.base_value import base_of
from fastxai.perturbation.explainer import RESULT, PerturbationExplainer
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.one_image import OneImage
from fastxai.perturbation.ranked_pixels import Curves, curves_of
from fastxai.perturbation.run_state import StateError
from fastxai.system.tensors import as_array

_TOGETHER = 32  # images that are decoded and wait for their class scores, at most


@dataclass(frozen=True)
class ImageMaps:
    """Maps of one image.

    Attributes:
        saliency: (L, H, W) float32.
        num_masks: Masks or windows that were scored; 0 where the method has none.
        scores: (L, 2) mean and standard deviation of the copies' scores, or None.
        standard_error: (L, H, W) float32, or None.
        correlation: (L,), or None.
        engine: Engine of the scores, or None.
        curves: Of every map, or None.
    """

    saliency: np.ndarray
    num_masks: int = 0
    scores: np.ndarray | None = None
    standard_error: np.ndarray | None = None
    correlation: np.ndarray | None = None
    engine: str | None = None
    curves: Sequence[Curves] | None = None


class Scoring:
    """An explainer, asked for the maps of one image at a time: none depends on its neighbours.

    Args:
        explainer: Any of `fastxai.explainer`, `fastxai.torch` or `fastxai.models`.
        activation_fn: From the network's output to probabilities, for explainers that have none.
        uncertainty: Whether error bars are asked for.

    Raises:
        ValueError: The explainer would not give the same maps every time.
    """

    def __init__(self, explainer: Any, activation_fn: Any, uncertainty: bool) -> None:
        self.explainer = explainer
        self.name = type(explainer).__name__
        self.perturbs = isinstance(explainer, PerturbationExplainer)
        if getattr(explainer, "_seed", 0) is None:
            raise ValueError(
                f"dataset: {self.name} has no seed; give it seed=0, so that a run that is "
                "resumed draws the same masks."
            )
        if getattr(explainer, "_perturbation_per_eval", 1) == "auto":
            raise ValueError(
                f"dataset: {self.name} has perturbation_per_eval='auto', which may differ from "
                "one process to the next; give a number, such as 32."
            )
        self._unsure = uncertainty and getattr(explainer, "_seed", None) is not None
        self._activation_fn = activation_fn
        self._scorer: Any = None
        self._batches: dict[tuple[int, ...], int] = {}  # copies at a time, by an image's shape

    def copies(self, number: int) -> list[Scoring]:
        """Others for other threads; they share the network, and no result of a call."""
        others = [copy.copy(self) for _ in range(number)]
        for each in others:
            each.explainer = copy.copy(self.explainer)
        return others

    def overlaps(self, image: np.ndarray) -> bool:
        """Whether `copies` of it explain images like this (C, H, W) faster than one alone."""
        return self.perturbs and self.one(image).by_engine()

    @property
    def together(self) -> int:
        """Images whose class scores are asked for at a time."""
        most = getattr(self.explainer, "_perturbation_per_eval", 1) if self.perturbs else 1
        return min(int(most), _TOGETHER)

    @property
    def seed(self) -> int | None:
        """Seed of the masks."""
        return getattr(self.explainer, "_seed", None)

    def one(self, image: np.ndarray) -> OneImage:
        """The explainer's calls about an image (C, H, W)."""
        return OneImage(self.explainer, self._tensor(image), self._unsure)

    def facts(self, image: np.ndarray) -> dict[str, Any]:
        """What maps depend on but for the image (C, H, W), in kinds that JSON has."""
        if self.perturbs:
            return self.one(image).facts()
        from fastxai.network.digest import network_digest

        explainer = self.explainer
        return {
            "network": network_digest([explainer._network]),
            "explainer": self.name,
            "layer": str(getattr(explainer, "_name", "")),
            "output": list(explainer._output_path),
        }

    def class_scores(self, image: np.ndarray) -> np.ndarray:
        """The network's activated scores (K,) of an image (C, H, W)."""
        if self.perturbs:
            return self.one(image).class_scores()
        from fastxai.engine.scorer import Scorer

        if self._scorer is None:
            self._scorer = Scorer("dataset", self._activation_fn)
        network, path = self.explainer._network, self.explainer._output_path
        return self._scorer(network, image[None], output=path)[0]

    def scores_of(self, images: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
        """Class scores (K,) by the images' index in the list.

        Images (C, H, W) of one shape are scored in batches as large as those of the copies, an
        image always in the row that its index gives: so its scores have the same bits whichever
        of its neighbours are there.
        """
        if not self.perturbs:
            return {index: self.class_scores(image) for index, image in images.items()}
        batches: dict[tuple[Any, ...], dict[int, int]] = {}
        for index, image in images.items():
            size = self._batch(image)
            batches.setdefault((image.shape, index // size), {})[index % size] = index
        found: dict[int, np.ndarray] = {}
        for (shape, _), rows in batches.items():
            filled = np.zeros((self._batches[shape], *shape), np.float32)
            for row, index in rows.items():
                filled[row] = images[index]
            one = OneImage(self.explainer, self._batch_tensor(filled), False)
            scores = one.scores_of_batch()
            if scores is None:
                found |= {index: self.class_scores(images[index]) for index in rows.values()}
            else:
                found |= {index: scores[row] for row, index in rows.items()}
        return found

    def _batch(self, image: np.ndarray) -> int:
        if image.shape not in self._batches:
            self._batches[image.shape] = self.one(image).batch()
        return self._batches[image.shape]

    def explain(
        self,
        image: np.ndarray,
        targets: Sequence[int],
        state: str | None,
        watch: Callable[[int, int], None] | None = None,
    ) -> ImageMaps:
        """The maps of an image.

        Args:
            image: (C, H, W).
            targets: L classes.
            state: File that keeps what a long run has; None: nothing is kept.
            watch: Is told (done, total) of every batch, and ends the call by an exception.
        """
        inputs, classes = self._tensor(image), np.asarray([targets], np.int64)
        if not self.perturbs:
            maps = self.explainer(inputs, self._targets(classes), show=False)
            return ImageMaps(np.asarray(maps.asnumpy()[0], np.float32))
        try:
            return self._result(inputs, classes, state, watch)
        except StateError:
            if state is None or not os.path.exists(state):
                raise
            os.unlink(state)  # of another image: an id's file was exchanged
            return self._result(inputs, classes, state, watch)

    def curves(
        self, image: np.ndarray, targets: Sequence[int], maps: np.ndarray, points: int
    ) -> list[Curves]:
        """Deletion and insertion of the maps (L, H, W) of an image."""
        base_value = getattr(self.explainer, "_base_value", 0.0)
        base = base_of("dataset", base_value, image.shape).of(image)

        def curves(target: int, saliency: np.ndarray) -> Curves:
            def score(copies: np.ndarray) -> np.ndarray:
                return self._scores_of_copies(copies)[:, target]

            return curves_of(image, saliency, base, score, points)

        return [curves(*each) for each in zip(targets, maps, strict=True)]

    def _scores_of_copies(self, copies: np.ndarray) -> np.ndarray:
        """Class scores (M, K) of copies (M, C, H, W), by the masks' engine if there is one."""
        if not self.perturbs:
            network, path = self.explainer._network, self.explainer._output_path
            return self._scorer(network, copies, output=path)
        one = OneImage(self.explainer, self._batch_tensor(copies), False)
        scores = one.scores_of_batch()
        return one.all_class_scores() if scores is None else scores

    def merged(
        self, image: np.ndarray, targets: Sequence[int], parts: Sequence[np.ndarray], engine: str
    ) -> ImageMaps:
        """The maps of an image whose masks an engine scored in ranges."""
        one: ImageResult = self.one(image).merge(targets, parts)
        bar = one.error
        return ImageMaps(
            np.asarray(one.saliency, np.float32),
            one.units,
            one.scores,
            None if bar is None else np.asarray(bar.standard_error, np.float32),
            None if bar is None else bar.correlation,
            engine,
        )

    def _result(self, inputs: Any, classes: np.ndarray, state: str | None, watch: Any) -> ImageMaps:
        given = {"progress": watch or False, "state": state, "show": False}
        found = self.explainer(inputs, classes, ret=RESULT if self._asks else "tensor", **given)
        scores = self.explainer._last_scores[0]
        if scores is None and state is not None:
            os.unlink(state)  # it had the maps, and tells neither the scores nor the engine
            return self._result(inputs, classes, state, watch)
        if not self._asks:
            return ImageMaps(as_array(found)[0], self._units(inputs), scores, engine=self.engine)
        error, rho = found.standard_error, found.correlation
        return ImageMaps(
            found.saliency[0],
            int(found.num_masks[0]),
            scores,
            None if error is None or not self._unsure else error[0],
            None if rho is None else rho[0],
            found.engine,
        )

    @property
    def _asks(self) -> bool:
        """Whether the explainer is asked for error bars, which an automatic number tells anyway."""
        return self._unsure or getattr(self.explainer, "_num_masks", None) == "auto"

    def _units(self, inputs: Any) -> int:
        _, channels, height, width = inputs.shape
        return self.explainer._plan(channels, (height, width), False, None).units

    @property
    def engine(self) -> str:
        """What scored last."""
        return str(self.explainer._backend.scored_by.engine)

    def _targets(self, classes: np.ndarray) -> Any:
        return classes.tolist()

    def _tensor(self, image: np.ndarray) -> Any:
        return self._batch_tensor(np.ascontiguousarray(image[None], np.float32))

    def _batch_tensor(self, batch: np.ndarray) -> Any:
        home = type(self.explainer).__module__
        if home.startswith("fastxai.models"):
            return batch
        if home.startswith("fastxai.torch"):
            import torch

            first = next(iter(self.explainer._network.parameters()), torch.empty(0))
            return torch.from_numpy(batch).to(first.device)
        import mindspore

        return mindspore.Tensor(batch)
