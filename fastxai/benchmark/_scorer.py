"""Class scores of images, by the network that an explainer explains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import nn

from fastxai.common.guard import evaluating
from fastxai.common.network import network_dtype
from fastxai.common.shadow import same_signature, signature
from fastxai.common.targets import check_scores
from fastxai.engine.making import Job
from fastxai.engine.mindspore_cell import MindSporeEngine
from fastxai.engine.protocol import Engine
from fastxai.engine.selector import Selector
from fastxai.explainer.perturb.perturbation import ScoreCell

_NO_TARGET = np.zeros(1, np.int64)  # a class that every network has


class Scorer:
    """Scores batches; keeps what was compiled as long as nothing but the weights changes.

    Args:
        owner: Name for messages.
        activation_fn: Cell that turns the network's output into probabilities.
    """

    def __init__(self, owner: str, activation_fn: nn.Cell) -> None:
        self._owner = owner
        self._activation_fn = activation_fn
        self._cell: ScoreCell | None = None
        self._built_from: list[Any] = []

    def __call__(
        self, network: nn.Cell, batch: np.ndarray, engine: Engine | None = None
    ) -> np.ndarray:
        """Scores of images.

        Args:
            network: The classifier; it is given back as it came.
            batch: (M, C, H, W) float32; the network is given a copy, into which it may write.
            engine: What `engine_for` gave for this network; None: MindSpore.

        Returns:
            (M, classes) float64, finite.

        Raises:
            ValueError: The network returns something else than finite class scores.
        """
        try:
            with evaluating(network, self._activation_fn):
                output = (self._mindspore(network) if engine is None else engine)(batch.copy())
        except BaseException:
            self._cell = None  # a graph in which something failed does not run again
            raise
        check_scores(self._owner, output.shape, len(batch), _NO_TARGET)
        if not np.isfinite(output).all():
            raise ValueError(
                f"{self._owner}: the network returned scores that are not finite. Check the "
                "network's weights and the range of the input values."
            )
        return output.astype(np.float64)

    def engine_for(
        self,
        selector: Selector,
        network: nn.Cell,
        shape: tuple[int, ...],
        images: int,
        fill: Callable[[np.ndarray], Any],
    ) -> Engine | None:
        """The engine that a selector chooses for batches (M, C, H, W); None: MindSpore.

        Args:
            selector: Chooses.
            network: The classifier.
            shape: Of the batches.
            images: How many there are to score.
            fill: Writes the first batch into an array of that shape.
        """
        dtype = network_dtype(network)
        activation = self._activation_fn
        selector.start()
        job = Job(
            (network, activation),
            lambda: ScoreCell(network, activation, dtype),
            shape,
            fill,
            images,
            dtype,
        )
        with evaluating(network, activation):
            return selector.select(job)

    def _mindspore(self, network: nn.Cell) -> MindSporeEngine:
        dtype = network_dtype(network)
        built_from = [*signature(network), str(dtype)]
        if self._cell is None or not same_signature(built_from, self._built_from):
            self._cell = ScoreCell(network, self._activation_fn, dtype)
            self._built_from = built_from
        return MindSporeEngine(self._cell, str(dtype))
