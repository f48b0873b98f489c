"""A step scores one batch of copies and adds the scores to the image's tally."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastxai.perturbation.plan import Plan
from fastxai.perturbation.sources import Source
from fastxai.perturbation.tally import Arrays, Tally


@dataclass(frozen=True)
class Task:
    """One image to explain.

    Attributes:
        image: (C, H, W) float32, an array or a Tensor of the framework.
        labels: (L,) int64 classes.
        plan: Plan of the call.
        batch: M, copies that are scored at a time.
        index: Index of the image in its call.
    """

    image: Any
    labels: np.ndarray
    plan: Plan
    batch: int
    index: int = 0

    @cached_property
    def source(self) -> Source:
        """Its copies on the host, for an image that is an array."""
        return self.plan.source(self.image)

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, C, H, W) of a batch."""
        return (self.batch, *self.image.shape)


class Step(ABC):
    """Scores batches of one image.

    Args:
        task: The image.
        tally: What the scores are added to.
    """

    def __init__(self, task: Task, tally: Tally) -> None:
        self._task = task
        self.tally = tally

    @abstractmethod
    def __call__(self, first: int, count: int) -> None:
        """Adds copies `first` .. `first + count - 1`; the batch holds more where it is larger.

        Raises:
            ValueError: A score is not finite, if the step looks at once.
        """

    def verify(self) -> None:  # noqa: B027 - most have looked at once
        """Looks at the scores that nobody has looked at yet.

        Raises:
            ValueError: One is not finite.
        """

    def restore(self, snapshot: Arrays) -> int:
        """Takes a checked snapshot, if there is any; returns the copies so far."""
        return self.tally.restore(snapshot)

    def snapshot(self) -> Arrays:
        """Everything that is needed to go on from here."""
        return self.tally.snapshot()


class HostStep(Step):
    """Scores come to the host, and are looked at and added there.

    Args:
        task: The image.
        tally: What the scores are added to.
        score: Scores (M, K) float32 of the batch that begins with a copy, of the right shape.
    """

    def __init__(self, task: Task, tally: Tally, score: Callable[[int], np.ndarray]) -> None:
        super().__init__(task, tally)
        self._score = score

    def __call__(self, first: int, count: int) -> None:
        scores = self._score(first)
        if self.tally.add(scores[:, self._task.labels], first, count) >= 0:
            raise self._task.plan.not_finite(first, count)


class HostBatches:
    """Scores of batches that are written into one buffer on the host.

    Each batch is written anew: a network may write into its input.

    Args:
        task: The image.
        score: Scores of a batch (M, C, H, W) float32; it is done with the batch when it returns.
        shared: Other batches, whose buffer may be written into; None: a buffer of its own.
    """

    def __init__(
        self,
        task: Task,
        score: Callable[[np.ndarray], np.ndarray],
        shared: HostBatches | None = None,
    ) -> None:
        self._source = task.source
        self._score = score
        self._buffer: np.ndarray = (
            np.empty(task.shape, np.float32) if shared is None else shared._buffer
        )

    def __call__(self, first: int) -> np.ndarray:
        """Scores (M, K) of the batch that begins with copy `first`."""
        self._source.fill(self._buffer, first)
        return self._score(self._buffer)
