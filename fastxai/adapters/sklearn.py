"""Estimators with the interface of scikit-learn as models of images."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.models.model import Model

_LAYOUTS = ("NHWC", "NCHW")


class Estimator(Model):
    """A fitted classifier, or a pipeline that ends in one, as a model.

    Targets are columns of its scores: class `c` is `list(estimator.classes_).index(c)`.

    Args:
        estimator: What has `method`; from scikit-learn, XGBoost, LightGBM or of your own.
        flatten: Whether it takes rows (M, H W C), as most do, or images of four axes.
        layout: Order of an image's values as the estimator was fitted: 'NHWC', which scikit-learn,
            scikit-image and Pillow have, or 'NCHW', which PyTorch has. For grey pictures and
            `flatten` both are the same.
        method: Name of what scores: 'predict_proba', 'decision_function', or another.

    Raises:
        TypeError: The estimator is a class, or has no such method.
        ValueError: `layout` is unknown.

    Example:
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> from fastxai.adapters.sklearn import Estimator
        >>> from fastxai.models import RISE
        >>> pictures = np.random.default_rng(0).random((20, 1, 8, 8), np.float32)
        >>> bright = (pictures.mean(axis=(1, 2, 3)) > 0.5).astype(int)
        >>> classifier = LogisticRegression().fit(pictures.reshape(20, -1), bright)
        >>> RISE(Estimator(classifier), num_masks=64, grid_size=4, seed=0)(pictures[:1], 1).shape
        (1, 1, 8, 8)
    """

    def __init__(
        self,
        estimator: Any,
        *,
        flatten: bool = True,
        layout: str = "NHWC",
        method: str = "predict_proba",
    ) -> None:
        if isinstance(estimator, type):
            raise TypeError(
                f"Estimator: `estimator` must be fitted, got the class {estimator.__name__}."
            )
        if not callable(getattr(estimator, method, None)):
            raise TypeError(
                f"Estimator: {type(estimator).__name__} has no {method}; name another with "
                "`method`, such as 'decision_function'."
            )
        if layout not in _LAYOUTS:
            raise ValueError(f"Estimator: `layout` must be one of {_LAYOUTS}, got {layout!r}.")
        self.estimator = estimator
        self.name = type(estimator).__name__
        self._flatten, self._layout, self._method = flatten, layout, method

    def __call__(self, batch: np.ndarray) -> Any:
        """Scores of a batch (M, C, H, W) float32; a tuple where there are several outputs."""
        if self._layout == "NHWC":
            batch = batch.transpose(0, 2, 3, 1)
        rows = batch.reshape(len(batch), -1) if self._flatten else np.ascontiguousarray(batch)
        found = getattr(self.estimator, self._method)(rows)
        return tuple(found) if isinstance(found, list) else found

    def identity(self) -> str:
        """Hash of the estimator, by joblib, which comes with scikit-learn."""
        import joblib

        digest = joblib.hash(self.estimator, hash_name="sha1")
        return f"{self.name} {digest} {self._flatten} {self._layout} {self._method}"
