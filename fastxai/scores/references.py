"""Scores against something that is given: embeddings, or a region."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.scores.base import Score, check_index, class_index
from fastxai.system.tensors import as_array


class Similarity(Score):
    """Cosine of an embedding and of reference embeddings: retrieval, or CLIP with text vectors.

    Args:
        references: (D,) or (T, D), finite and not all zeros; one column of scores each.

    Raises:
        ValueError: A reference has no direction, or the embeddings have another length.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import Similarity
        >>> texts = np.array([[1.0, 0.0], [0.0, 2.0]])  # of two captions
        >>> Similarity(texts)(np.array([[3.0, 4.0]])).round(6).tolist()
        [[0.6, 0.8]]
    """

    def __init__(self, references: Any) -> None:
        rows = np.atleast_2d(as_array(references, "Similarity: `references` must be")).astype(
            np.float64
        )
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


class MaskMean(Score):
    """Mean score of a class over a region: why a segmentation network paints it there.

    Args:
        region: (h, w) weights, 0 or more, such as a bool mask, at the size of the outputs.
        label: The class.

    Example:
        >>> import numpy as np
        >>> from fastxai.scores import MaskMean
        >>> outputs = np.array([[[[1.0, 3.0], [5.0, 7.0]]]])  # (1, 1, 2, 2)
        >>> MaskMean([[True, True], [False, False]], 0)(outputs).tolist()
        [[2.0]]
    """

    def __init__(self, region: Any, label: int) -> None:
        weights = as_array(region, "MaskMean: `region` must be").astype(np.float64)
        good = weights.ndim == 2 and np.isfinite(weights).all() and (weights >= 0).all()
        if not good or not weights.sum() > 0:
            raise ValueError(
                "MaskMean: `region` must be (h, w), 0 or more and not all 0, got shape "
                f"{weights.shape}."
            )
        self.label = class_index("MaskMean", label)
        self._weights = weights / weights.sum()
        super().__init__(weights, self.label)

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        """(M, 1) of outputs (M, K, h, w)."""
        if outputs.shape[2:] != self._weights.shape:
            raise ValueError(
                f"MaskMean: `region` is of shape {self._weights.shape}, and the network returns "
                f"{outputs.shape[2:]} for each class."
            )
        check_index("MaskMean", outputs, self.label)
        return (outputs[:, self.label] * self._weights).sum(axis=(1, 2))[:, None]
