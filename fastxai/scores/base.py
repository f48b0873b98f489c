"""What all scores share: their identity, and columns of outputs."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from fastxai.ops.checks import check_int

_LARGEST = 2**31 - 1


class Score:
    """A score with its arguments in `identity` and `repr`."""

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    @property
    def identity(self) -> str:
        """A text that differs where the scores do."""
        words = [
            hashlib.sha256(f"{each.shape}".encode() + each.tobytes()).hexdigest()
            if isinstance(each, np.ndarray)
            else repr(each)
            for each in self._arguments
        ]
        return f"{type(self).__name__}({', '.join(words)})"

    def __repr__(self) -> str:
        """The score and its arguments; arrays by their digests."""
        return self.identity


def classes(outputs: np.ndarray) -> np.ndarray:
    """(M, K) of outputs (M, K, ...); further axes are averaged."""
    return outputs.reshape(*outputs.shape[:2], -1).mean(axis=2)


def class_index(owner: str, label: Any) -> int:
    """A class, 0 or more.

    Raises:
        TypeError: It is no int.
        ValueError: It is negative.
    """
    return check_int(owner, "label", label, 0, _LARGEST)


def check_index(owner: str, outputs: np.ndarray, label: int) -> None:
    """Refuses a class that outputs (M, K, ...) do not have.

    Raises:
        ValueError: They do not.
    """
    if label >= outputs.shape[1]:
        scores = outputs.shape[1]
        raise ValueError(
            f"{owner}: the network has {scores} scores, got {label}: "
            f"a class must be in [0, {scores})."
        )


def column(owner: str, outputs: np.ndarray, label: int) -> np.ndarray:
    """(M, 1), one class of outputs (M, K, ...); further axes are averaged.

    Raises:
        ValueError: They do not have it.
    """
    check_index(owner, outputs, label)
    return outputs[:, label].reshape(len(outputs), -1).mean(axis=1, keepdims=True)
