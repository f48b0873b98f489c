"""Scores that users choose: functions from outputs (M, ...) to (M, T) for `score=`.

`score=` of `RISE` and `Occlusion` takes a class index, one of these, or any function of an array
(M, K) or (M, K, ...) float32, to which `activation_fn` has been applied, that returns (M,) or
(M, T). Targets are then columns of T; `targets=None` explains all of them. A function may have an
attribute `identity`, a text for state files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fastxai.models.model import as_array
from fastxai.ops.checks import check_int

ScoreFunction = Callable[[np.ndarray], Any]
_LARGEST = 2**31 - 1


class _Score:
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


class ClassScore(_Score):
    """The score of one class: a probability, or a logit where there is no activation.

    Args:
        label: The class.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import ClassScore
        >>> ClassScore(1)(np.array([[1.0, 3.0, 0.5]])).tolist()
        [[3.0]]
    """

    sign = 1

    def __init__(self, label: int) -> None:
        self.label = _label(type(self).__name__, label)
        super().__init__(self.label)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, ...); further axes are averaged."""
        return self.sign * _column(type(self).__name__, outputs, self.label)


class NegativeClass(ClassScore):
    """Minus the score of a class: where the picture speaks against it.

    Args:
        label: The class.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import NegativeClass
        >>> NegativeClass(1)(np.array([[1.0, 3.0, 0.5]])).tolist()
        [[-3.0]]
    """

    sign = -1


class Margin(_Score):
    """The score of a class less that of the best other one: why this class and not another.

    Args:
        label: The class.
        other: The class it is held against; None: the best other one of each copy.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import Margin
        >>> Margin(1)(np.array([[1.0, 3.0, 0.5], [4.0, 3.0, 0.0]])).tolist()
        [[2.0], [-1.0]]
    """

    def __init__(self, label: int, other: int | None = None) -> None:
        self.label = _label("Margin", label)
        self.other = None if other is None else _label("Margin", other)
        super().__init__(self.label, self.other)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, ...), K at least 2."""
        own = _column("Margin", outputs, self.label)
        if self.other is not None:
            return own - _column("Margin", outputs, self.other)
        if outputs.shape[1] < 2:
            raise ValueError("Margin: the network must have two classes or more, got one.")
        others = np.delete(outputs.reshape(*outputs.shape[:2], -1).mean(axis=2), self.label, 1)
        return own - others.max(axis=1, keepdims=True)


class Similarity(_Score):
    """Cosine of an embedding and of reference embeddings: retrieval, or CLIP with text vectors.

    Args:
        references: (D,) or (T, D), finite and not all zeros; one column of scores each.

    Raises:
        ValueError: A reference has no direction, or the embeddings have another length.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import Similarity
        >>> texts = np.array([[1.0, 0.0], [0.0, 2.0]])  # of two captions
        >>> Similarity(texts)(np.array([[3.0, 4.0]])).round(6).tolist()
        [[0.6, 0.8]]
    """

    def __init__(self, references: Any) -> None:
        rows = np.atleast_2d(as_array(references)).astype(np.float64)
        lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
        if rows.ndim != 2 or not np.isfinite(rows).all() or not (lengths > 0).all():
            raise ValueError(
                "Similarity: `references` must be (D,) or (T, D), finite, no row all zeros, got "
                f"shape {rows.shape}."
            )
        self._directions = rows / lengths
        super().__init__(rows)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, T) of embeddings (M, D), or of any (M, ...) with D values; 0 for one of zeros."""
        rows = outputs.reshape(len(outputs), -1).astype(np.float64)
        if rows.shape[1] != self._directions.shape[1]:
            raise ValueError(
                f"Similarity: the embeddings have {rows.shape[1]} values and `references` "
                f"{self._directions.shape[1]}."
            )
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(lengths > 0, lengths, 1)) @ self._directions.T


class MaskMean(_Score):
    """Mean score of a class over a region: why a segmentation network paints it there.

    Args:
        region: (h, w) weights, 0 or more, such as a bool mask, at the size of the outputs.
        label: The class.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import MaskMean
        >>> outputs = np.array([[[[1.0, 3.0], [5.0, 7.0]]]])  # (1, 1, 2, 2)
        >>> MaskMean([[True, True], [False, False]], 0)(outputs).tolist()
        [[2.0]]
    """

    def __init__(self, region: Any, label: int) -> None:
        weights = as_array(region).astype(np.float64)
        good = weights.ndim == 2 and np.isfinite(weights).all() and (weights >= 0).all()
        if not good or not weights.sum() > 0:
            raise ValueError(
                "MaskMean: `region` must be (h, w), 0 or more and not all 0, got shape "
                f"{weights.shape}."
            )
        self.label = _label("MaskMean", label)
        self._weights = weights / weights.sum()
        super().__init__(weights, self.label)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, h, w)."""
        if outputs.shape[2:] != self._weights.shape:
            raise ValueError(
                f"MaskMean: `region` is of shape {self._weights.shape}, and the network returns "
                f"{outputs.shape[2:]} for each class."
            )
        _check_label("MaskMean", outputs, self.label)
        return (outputs[:, self.label] * self._weights).sum(axis=(1, 2))[:, None]


class Value(_Score):
    """The number that a regression network returns.

    Args:
        index: Which one, of a network that returns several.

    Example:
        >>> import numpy as np
        >>> from fastxai.models.scores import Value
        >>> Value()(np.array([[37.5], [12.0]])).tolist()
        [[37.5], [12.0]]
    """

    def __init__(self, index: int = 0) -> None:
        self.index = _label("Value", index)
        super().__init__(self.index)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, ...)."""
        return _column("Value", outputs, self.index)


def score_function(owner: str, score: Any) -> Callable[[np.ndarray], np.ndarray]:
    """The function for what users give as `score`.

    Raises:
        TypeError: It is no class index and no function.
        ValueError: The index is negative.
    """
    if isinstance(score, (int, np.integer)) and not isinstance(score, bool):
        return ClassScore(int(score))
    if not callable(score) or isinstance(score, type):
        kind = f"the class {score.__name__}" if isinstance(score, type) else type(score).__name__
        raise TypeError(
            f"{owner}: `score` must be a class index, a score of fastxai.models.scores or a "
            f"function of outputs (M, ...), got {kind}."
        )
    return _Checked(score)


class _Checked:
    """A function whose results are arrays."""

    def __init__(self, function: Any) -> None:
        self._function = function

    @property
    def identity(self) -> Any:
        return getattr(self._function, "identity", None)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        try:
            return as_array(self._function(outputs))
        except (TypeError, ValueError) as error:
            if str(error).startswith("`network` must return"):
                words = str(error).replace("`network`", "`score`", 1)
                raise type(error)(words) from None
            raise


def _label(owner: str, label: Any) -> int:
    return check_int(owner, "label", label, 0, _LARGEST)


def _check_label(owner: str, outputs: np.ndarray, label: int) -> None:
    if label >= outputs.shape[1]:
        raise ValueError(f"{owner}: the network has {outputs.shape[1]} scores, got {label}.")


def _column(owner: str, outputs: np.ndarray, label: int) -> np.ndarray:
    _check_label(owner, outputs, label)
    return outputs[:, label].reshape(len(outputs), -1).mean(axis=1, keepdims=True)
