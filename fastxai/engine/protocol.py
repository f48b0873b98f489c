"""Interface of an engine: a batch of images in, activated scores out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np


class Engine(ABC):
    """Scores batches of images with one network and its activation.

    What an engine can do stands in its class: `name` as in `set_engine`, `title` for messages,
    `precisions` it computes in, `any_shape` (else it was made for the shape of one batch), and
    `in_place`: on a CPU it reads the caller's array where it lies, without a copy.

    Attributes:
        precision: 'float32', 'bfloat16', or for MindSpore the network's own dtype.
        error: Relative error of the scores against MindSpore's, measured on the first batch; None
            for MindSpore itself. Per image it is the largest difference of a score over the
            largest absolute score; the worst image counts.
        compared: Whether that error says anything: the scores it was measured on differ from image
            to image.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    precisions: ClassVar[tuple[str, ...]]
    any_shape: ClassVar[bool]
    in_place: ClassVar[bool]

    precision: str
    error: float | None = None
    compared: bool = True

    @abstractmethod
    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Scores of a batch, finished: the array may be changed afterwards.

        Args:
            batch: (M, C, H, W) contiguous float32.

        Returns:
            (M, classes) float32, or (M, ...) where a chosen score reads more; an array of its own.

        Raises:
            RuntimeError: The engine failed.
        """

    @property
    def label(self) -> str:
        """Name and precision in a few letters, as the progress bar shows them."""
        return f"{self.name} {self.precision}"


class Unusable(Exception):  # noqa: N818 - a finding, caught by the selector
    """An engine cannot score this network; the text says why.

    Args:
        reason: What a user can read after "because".
        for_good: Holds for this network whatever its weights are.
    """

    def __init__(self, reason: str, *, for_good: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_good = for_good
