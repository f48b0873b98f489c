"""Backend of perturbation explainers for models: files and functions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np

from fastxai.arguments.caller_warning import warn_caller
from fastxai.arguments.hints import NUMPY, in_our_words
from fastxai.arguments.plausibility import warn_of_probabilities
from fastxai.arguments.scores import Path, check_rows, chosen_element
from fastxai.arguments.targets import check_scores
from fastxai.models.inputs import like, to_images
from fastxai.models.model import Convolutions, Model
from fastxai.models.outputs import activated, activation_of, class_scores
from fastxai.perturbation.backend import Backend, ScoredBy
from fastxai.perturbation.batches import even_batch
from fastxai.perturbation.explainer import array_digest
from fastxai.perturbation.plan import Plan
from fastxai.perturbation.step import HostBatches, HostStep, Step, Task
from fastxai.scores.chosen import checked_outputs, identity_of
from fastxai.system.tensors import as_array

_BATCH = 32  # for 'auto': a model says nothing of its memory


class ModelBackend(Backend):
    """Scores by a file or a function, on the host.

    Args:
        owner, output, score: As of `Backend`.
        model: What returns outputs.
        activation: Function of rows of scores, a word, or None.
    """

    def __init__(
        self, owner: str, model: Model, activation: Any, output: Path, score: Any = None
    ) -> None:
        super().__init__(owner, output, score)
        self._model = model
        self._word = activation
        self._activation = activation_of(owner, activation)
        self._inputs: Any = None  # what the call was given
        self._looked = False  # at outputs, and whether the model repeats itself

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_inputs": None}

    def ready(self) -> AbstractContextManager[None]:
        """A call may run in this process."""
        return nullcontext()

    def images(self, inputs: Any) -> np.ndarray:
        """The images as float32 (N, C, H, W)."""
        images = to_images(self.owner, inputs, self._model.takes_pixels)
        self._inputs = inputs
        return images

    @contextmanager
    def scoring(self, images: np.ndarray) -> Iterator[None]:
        """Errors are told in our words; the first call looks at what the model returns."""
        with in_our_words(self.owner, tuple, images.shape, NUMPY):
            self._model.begin(images)
            if not self._looked:
                self._look(images[:1])
                self._looked = True
            yield

    def class_scores(self, images: np.ndarray) -> np.ndarray:
        """The scores of every image, scored by itself, (N, K) float32."""
        return np.concatenate([self.scores(image[None].copy()) for image in images])

    def batch(self, image: np.ndarray, plan: Plan, most: int | str) -> int:
        """Copies of an image to score at a time."""
        return even_batch(plan.rule.segment, _BATCH if most == "auto" else int(most))

    def convolutions(self) -> Convolutions:
        """Input channels, kernel and stride of each one, where the model tells of them."""
        return self._model.convolutions

    def step(self, task: Task) -> Step:
        """What scores the batches of an image."""

        def score(batch: np.ndarray) -> np.ndarray:
            scores = self.scores(batch)
            check_scores(self.owner, scores.shape, len(batch), task.labels)
            return scores

        image = np.ascontiguousarray(task.image)
        task = dataclasses.replace(task, image=image)
        return HostStep(task, task.plan.tally(len(task.labels)), HostBatches(task, score))

    def scores(self, batch: np.ndarray) -> np.ndarray:
        """Scores (M, K) float32 of a batch (M, C, H, W), their number checked."""
        output = self._outputs(batch)
        if self._chosen is None:
            return class_scores(output, self._activation)
        return self._chosen(activated(output, self._activation))

    def _outputs(self, batch: np.ndarray) -> np.ndarray:
        output = as_array(chosen_element(self._model(batch), self._output))
        return checked_outputs(self.owner, output, len(batch))

    def _look(self, image: np.ndarray) -> None:
        """Looks at the outputs of an image: the activation has to suit them.

        Warns:
            UserWarning: The model does not repeat its outputs, or probabilities are activated.
        """
        output = self._outputs(image.copy())
        if self._word == "softmax":
            warn_of_probabilities(self.owner, output)
        if self._activation is not None:
            activation = self._activation
            classes = 1 if output.ndim == 1 else output.shape[1]
            check_rows(self.owner, classes, lambda rows: class_scores(rows, activation))
        if self._model.repeatable or output.size == 0:
            return
        first = output.astype(np.float64)
        again = self._outputs(image.copy())
        difference = np.abs(first - again).max() if first.shape == again.shape else np.inf
        if difference > 0:
            warn_caller(
                f"{self.owner}: `network` returns other outputs for the same image, by up to "
                f"{difference:.3g}. The maps are those of its mean score, with more noise; the "
                "same seed does not give the same map."
            )

    @property
    def scored_by(self) -> ScoredBy:
        """The engine of a file, or 'function'."""
        model = self._model
        version = getattr(model, "version", lambda: model.name)()
        return ScoredBy(model.name, model.precision, f"{version} in {model.precision}")

    @property
    def note(self) -> str:
        """What scores, for the progress bar."""
        return self._model.name

    def identity(self, images: np.ndarray) -> dict[str, Any]:
        """What the scores depend on, in kinds that JSON has.

        Raises:
            ValueError: It is not known of the model, the activation or the score.
        """
        word = self._word
        if callable(word):
            word = identity_of(self.owner, "activation_fn", word)
        try:
            network = self._model.identity()
        except ValueError as error:
            raise ValueError(f"{self.owner}: {error}") from None
        return {
            "images": array_digest(images),
            "network": network,
            "engine": self.scored_by.identity,
            "activation": word,
            "score": "" if self._chosen is None else self._chosen.identity,
            "output": self._output,
        }

    def tensor(self, maps: np.ndarray, images: np.ndarray) -> Any:
        """Maps (N, L, H, W) float32 in the kind that the images came in."""
        return like(self._inputs, maps)
