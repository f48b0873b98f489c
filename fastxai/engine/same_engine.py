"""Scores by the engine that has scored an explainer's masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastxai.engine.scorer import Scorer
from fastxai.engine.selector import Selector
from fastxai.engine.settings import Choice


class SameEngine:
    """Class scores of images by one engine, or by MindSpore.

    Args:
        owner: Name for messages.
        activation_fn: As of `Scorer`.
        choice: What scores; None: MindSpore.
    """

    def __init__(self, owner: str, activation_fn: Any, choice: Choice | None) -> None:
        self._scorer = Scorer(owner, activation_fn)
        self._selector: Selector | None = None
        if choice is not None and choice.engine != "mindspore":
            self._selector = Selector(owner, choice.engine, choice.precision)

    def __call__(
        self, network: Any, batch: np.ndarray, output: tuple[int | str, ...] = ()
    ) -> np.ndarray:
        """Scores (M, classes) float64 of images (M, C, H, W) float32.

        Raises:
            ValueError: As of `Scorer`.
            RuntimeError: The engine does not score these images as MindSpore does.
        """
        engine = None
        if self._selector is not None:
            engine = self._scorer.engine_for(
                self._selector,
                network,
                batch.shape,
                len(batch),
                lambda out: np.copyto(out, batch),
                output,
            )
        return self._scorer(network, batch, engine, output)
