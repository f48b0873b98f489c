"""Scores of one class, or of one number."""

from __future__ import annotations

import numpy as np

from fastxai.scores.base import Score, class_index, classes, column


class ClassScore(Score):
    """The score of one class: a probability, or a logit where there is no activation.

    Args:
        label: The class; None: every class, so that targets are classes.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import ClassScore
        >>> ClassScore(1)(np.array([[1.0, 3.0, 0.5]])).tolist()
        [[3.0]]
    """

    sign = 1

    def __init__(self, label: int | None = None) -> None:
        self.label = None if label is None else class_index(type(self).__name__, label)
        super().__init__(self.label)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1), without a label (M, K), of outputs (M, K, ...); further axes are averaged."""
        if self.label is None:
            return self.sign * classes(outputs)
        return self.sign * column(type(self).__name__, outputs, self.label)


class NegativeClass(ClassScore):
    """Minus the score of a class: where the picture speaks against it.

    Args:
        label: The class; None: every class, so that targets are classes.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import NegativeClass
        >>> NegativeClass(1)(np.array([[1.0, 3.0, 0.5]])).tolist()
        [[-3.0]]
    """

    sign = -1


class Margin(Score):
    """The score of a class less that of the best other one: why this class and not another.

    Args:
        label: The class; None: every class, so that targets are classes.
        other: The class it is held against; None: the best other one of each copy.

    Raises:
        ValueError: `other` is `label`: the margin would be 0 whatever the picture shows.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import Margin
        >>> Margin(1)(np.array([[1.0, 3.0, 0.5], [4.0, 3.0, 0.0]])).tolist()
        [[2.0], [-1.0]]
    """

    def __init__(self, label: int | None = None, other: int | None = None) -> None:
        self.label = None if label is None else class_index("Margin", label)
        self.other = None if other is None else class_index("Margin", other)
        if self.other is not None and self.other == self.label:
            raise ValueError(f"Margin: `label` and `other` must be two classes, got {label} twice.")
        super().__init__(self.label, self.other)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1), without a label (M, K), of outputs (M, K, ...), K at least 2."""
        scores = classes(outputs)
        own = scores if self.label is None else column("Margin", outputs, self.label)
        if self.other is not None:
            return own - column("Margin", outputs, self.other)
        if outputs.shape[1] < 2:
            raise ValueError("Margin: the network must have two classes or more, got one.")
        if self.label is not None:
            return own - np.delete(scores, self.label, 1).max(axis=1, keepdims=True)
        second, best = np.sort(scores, axis=1)[:, -2:].T
        top = np.arange(scores.shape[1]) == scores.argmax(axis=1)[:, None]
        return own - np.where(top, second[:, None], best[:, None])


class Value(Score):
    """The number that a regression network returns.

    Args:
        index: Which one, of a network that returns several.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import Value
        >>> Value()(np.array([[37.5], [12.0]])).tolist()
        [[37.5], [12.0]]
    """

    def __init__(self, index: int = 0) -> None:
        self.index = class_index("Value", index)
        super().__init__(self.index)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, ...)."""
        return column("Value", outputs, self.index)
