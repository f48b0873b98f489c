"""Interface between the loop and the framework that a network is written for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastxai.perturbation.plan import Plan
from fastxai.scores.chosen import ScoreArgument, chosen_score

if TYPE_CHECKING:
    from fastxai.masks.patches import Convolutions
    from fastxai.perturbation.step import Step, Task


@dataclass(frozen=True)
class ScoredBy:
    """Engine that scores an image.

    Attributes:
        engine: Its name, as in an `Explanation`.
        precision: What it computes in.
        identity: What computes the scores, to the bit: engine, version, precision.
        error: Relative error against the framework's own scores; None for those.
    """

    engine: str
    precision: str
    identity: str
    error: float | None = None


class Backend(ABC):
    """One network in its framework. It lives as long as its explainer; calls do not overlap.

    Copies of an explainer may be called by several threads at a time. Where `overlaps` is set and
    an engine scores, that takes less time than one call after the other.

    Args:
        owner: Name for messages.
        output: Indices and keys that lead to the scores in what the network returns.
        score: What makes scores (M, T) of the outputs, as `fastxai.scores` says; None: the classes
            are explained.

    Raises:
        TypeError: `score` is of another kind.
        ValueError: `score` is a negative index.
    """

    overlaps: ClassVar[bool] = False

    def __init__(
        self, owner: str, output: tuple[int | str, ...] = (), score: ScoreArgument = None
    ) -> None:
        self.owner = owner
        self._output = output
        self._chosen = chosen_score(owner, score)

    @abstractmethod
    def ready(self) -> AbstractContextManager[None]:
        """A call may run in this process, and be interrupted."""

    def begin(self, scored_by: str) -> None:  # noqa: B027 - most have nothing to do
        """A call begins.

        Args:
            scored_by: Name of the engine that scored last what the call goes on with, or ''.
        """

    @abstractmethod
    def images(self, inputs: Any) -> Any:
        """The images as finite float32 (N, C, H, W): an array, or a Tensor of the framework.

        Raises:
            TypeError: They are no numeric Tensor.
            ValueError: They are not such images, or on another device than the network.
        """

    @abstractmethod
    def scoring(self, images: Any) -> AbstractContextManager[None]:
        """The network is evaluated in here; its errors are told in our words.

        Args:
            images: All of the call, (N, C, H, W).
        """

    @abstractmethod
    def class_scores(self, images: Any) -> np.ndarray:
        """The activated scores of every image, scored by itself, (N, K) float32."""

    def scores_together(self, images: Any, plan: Plan) -> np.ndarray | None:
        """The same (M, K) of images that fill a batch, from one pass; None: it cannot be had."""
        return None

    def scores_by_engine(self, image: Any, plan: Plan, batch: int) -> bool:
        """Whether something else than the framework scores copies of an image (C, H, W)."""
        return False

    def top_classes(self, images: Any) -> np.ndarray:
        """What `targets=None` explains: top classes (N, 1) int64; of a `score` all of T, (N, T)."""
        from fastxai.arguments.scores import top_classes

        scores = self.class_scores(images)
        if self._chosen is not None:
            return self._chosen.every_target(scores)
        return top_classes(self.owner, scores)

    def begin_image(self, image: Any, plan: Plan) -> None:  # noqa: B027
        """An image (C, H, W) begins."""

    @abstractmethod
    def batch(self, image: Any, plan: Plan, most: int | str) -> int:
        """Copies of an image (C, H, W) to score at a time.

        Args:
            image: The image.
            plan: Plan of the call.
            most: `perturbation_per_eval`: how many at most, or 'auto' for the fastest number.
        """

    def convolutions(self) -> Convolutions:
        """Those of the network, as far as they are known; they tell how it cuts an image."""
        return ()

    @abstractmethod
    def step(self, task: Task) -> Step:
        """What scores the batches of an image."""

    @property
    @abstractmethod
    def scored_by(self) -> ScoredBy:
        """What scores the image that began last."""

    @property
    def note(self) -> str:
        """The same in a few words for the progress bar, or ''."""
        return ""

    @abstractmethod
    def identity(self, images: Any) -> dict[str, Any]:
        """What the scores depend on, in kinds that JSON has: 'images' and 'network' as digests."""

    @abstractmethod
    def tensor(self, maps: np.ndarray, images: Any) -> Any:
        """Maps (N, L, H, W) float32 as a Tensor where the images are."""
