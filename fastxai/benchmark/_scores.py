"""Scores of what an explainer explains: a network of MindSpore, a file or a function."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore import nn

from fastxai.engine.protocol import Engine
from fastxai.engine.scorer import Scorer
from fastxai.engine.selector import Selector
from fastxai.models.backend import ModelBackend
from fastxai.models.model import as_model
from fastxai.network.activation import OfArrays


class MetricScorer(Scorer):
    """A `Scorer` that scores models too."""

    def __call__(
        self,
        network: Any,
        batch: np.ndarray,
        engine: Engine | None = None,
        output: tuple[int | str, ...] = (),
    ) -> np.ndarray:
        """Scores (M, classes) float64, finite, of images (M, C, H, W); as of `Scorer`."""
        if isinstance(network, nn.Cell):
            return super().__call__(network, batch, engine, output)
        model = as_model(self._owner, network)
        backend = ModelBackend(self._owner, model, OfArrays(self._activation_fn), output)
        with backend.scoring(batch):
            scores = backend.scores(batch.copy())
        if not np.isfinite(scores).all():
            raise ValueError(f"{self._owner}: the network returned scores that are not finite.")
        return scores.astype(np.float64)

    def engine_for(
        self,
        selector: Selector,
        network: Any,
        *arguments: Any,
    ) -> Engine | None:
        """The engine for a network of MindSpore; None for a model, which has its own.

        Raises:
            ValueError: An engine was named for a model.
        """
        if isinstance(network, nn.Cell):
            return super().engine_for(selector, network, *arguments)
        if selector.is_named:
            raise ValueError(
                f"{self._owner}: `engine` and `precision` are for MindSpore networks; a file's "
                "engine is chosen by fastxai.load(path, engine=...)."
            )
        return None
