"""What users give as `score=`, called and checked in one place for every framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fastxai.scores.classes import ClassScore
from fastxai.system.tensors import as_array

ScoreArgument: TypeAlias = int | Callable[[np.ndarray], Any] | None


class ChosenScore:
    """A score that a user chose.

    Args:
        owner: Name for messages.
        score: A class index, a score of `fastxai.scores`, or another function of outputs.

    Raises:
        TypeError: It is no class index and no function.
        ValueError: The index is negative.
    """

    def __init__(self, owner: str, score: Any) -> None:
        self._owner = owner
        if isinstance(score, (int, np.integer)) and not isinstance(score, bool):
            score = ClassScore(int(score))
        if not callable(score) or isinstance(score, type):
            name = getattr(score, "__name__", "")
            kind = f"the class {name}" if isinstance(score, type) else type(score).__name__
            raise TypeError(
                f"{owner}: `score` must be a class index, a score of fastxai.scores or a function "
                f"of outputs (M, ...), got {kind}."
            )
        self._function = score

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """Scores (M, T) float32 of activated outputs (M, K, ...) float32.

        Raises:
            TypeError: The function returns no numbers.
            ValueError: It returns another shape or numbers that are not finite, or refuses the
                outputs.
        """
        scores = as_array(self._function(outputs), f"{self._owner}: `score` must return")
        if scores.ndim not in (1, 2) or len(scores) != len(outputs) or scores.size == 0:
            raise ValueError(
                f"{self._owner}: `score` must return (M, T) scores for M images, got shape "
                f"{scores.shape} for outputs of shape {outputs.shape}."
            )
        with np.errstate(over="ignore"):
            scores = scores.reshape(len(scores), -1).astype(np.float32)
        if not np.isfinite(scores).all() and np.isfinite(outputs).all():
            raise ValueError(
                f"{self._owner}: `score` returned numbers that are not finite as float32, for "
                "outputs of the network that are. Look for a division by 0, a logarithm of 0 or an "
                "overflow in it."
            )
        return scores

    def every_target(self, scores: np.ndarray) -> np.ndarray:
        """What `targets=None` explains for scores (N, T): all of T for every image, (N, T)."""
        return np.tile(np.arange(scores.shape[1]), (len(scores), 1))

    @property
    def identity(self) -> str:
        """A text that differs where the scores do, for state files.

        Raises:
            ValueError: The function does not say it.
        """
        return identity_of(self._owner, "score", self._function)


def chosen_score(owner: str, score: Any) -> ChosenScore | None:
    """What `score=` stands for; None: the network's classes are explained."""
    return None if score is None else ChosenScore(owner, score)


def checked_outputs(owner: str, outputs: np.ndarray, rows: int) -> np.ndarray:
    """The outputs, if they are (M, ...) for M images.

    Raises:
        ValueError: They are not.
    """
    if outputs.ndim == 0 or len(outputs) != rows:
        raise ValueError(
            f"{owner}: `network` must return (M, ...) for M images, got shape {outputs.shape} for "
            f"{rows} images."
        )
    return outputs


def identity_of(owner: str, name: str, function: Any) -> str:
    """The text by which a state file knows a user's function, its attribute `identity`.

    Args:
        owner: Name for messages.
        name: What the argument is called.
        function: The function.

    Raises:
        ValueError: It has none.
    """
    identity = getattr(function, "identity", None)
    if not isinstance(identity, str):
        raise ValueError(
            f"{owner}: `state` and data sets need to know what `{name}` computes: give the "
            "function an attribute `identity`, a text that changes when it does."
        )
    return identity
