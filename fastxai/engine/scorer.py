"""Class scores of images, by the network that an explainer explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from mindspore import nn

from fastxai.arguments.hints import in_our_words
from fastxai.arguments.targets import check_scores
from fastxai.engine.input_dtype import InputDtype
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.engine.protocol import Engine
from fastxai.engine.request import ScoringRequest
from fastxai.engine.selector import Selector
from fastxai.network.activation import activation_cell, check_activated
from fastxai.network.evaluation import evaluating
from fastxai.network.layers import layers_of
from fastxai.network.scores import ScoreCell
from fastxai.network.structure import Structure

_NO_TARGET = np.zeros(1, np.int64)  # a class that every network has


class Scorer:
    """Scores batches; keeps what was compiled as long as nothing but the weights changes.

    Args:
        owner: Name for messages.
        activation_fn: What turns the network's output into probabilities, as
            `fastxai.network.activation.activation_cell` takes it.

    Raises:
        TypeError: `activation_fn` is of the wrong kind.
        ValueError: It is an unknown word.
    """

    def __init__(self, owner: str, activation_fn: Any) -> None:
        self._owner = owner
        self._activation_fn = activation_cell(owner, activation_fn)
        self._dtypes: InputDtype | None = None
        self._cell: ScoreCell | None = None
        self._built_from: Structure | None = None
        self._built_for: tuple[Any, ...] = ()  # network, dtype and output
        self._checked_with: Any = None  # the network with which the activation was checked

    def __call__(
        self,
        network: nn.Cell,
        batch: np.ndarray,
        engine: Engine | None = None,
        output: tuple[int | str, ...] = (),
    ) -> np.ndarray:
        """Scores of images.

        Args:
            network: The classifier; it is given back as it came.
            batch: (M, C, H, W) float32; the network is given a copy, into which it may write.
            engine: What `engine_for` gave for this network; None: MindSpore.
            output: Indices and keys that lead to the scores in what the network returns.

        Returns:
            (M, classes) float64, finite.

        Raises:
            TypeError: The network returns something else than a Tensor.
            ValueError: It returns something else than finite class scores, or does not take the
                batch's channels.
        """
        try:
            with self._running(network, batch.shape):
                cell = engine or self._mindspore(network, batch, output)
                scores = cell(batch.copy())
                check_scores(self._owner, scores.shape, len(batch), _NO_TARGET)
                self._check_activation(network, batch, scores.shape[1], output)
        except BaseException:
            self._cell = None  # a graph in which something failed does not run again
            raise
        if not np.isfinite(scores).all():
            raise ValueError(
                f"{self._owner}: the network returned scores that are not finite. Check the "
                "network's weights and the range of the input values."
            )
        return scores.astype(np.float64)

    def engine_for(
        self,
        selector: Selector,
        network: nn.Cell,
        shape: tuple[int, ...],
        images: int,
        fill: Callable[[np.ndarray], Any],
        output: tuple[int | str, ...] = (),
    ) -> Engine | None:
        """The engine that a selector chooses for batches (M, C, H, W); None: MindSpore.

        Args:
            selector: Chooses.
            network: The classifier.
            shape: Of the batches.
            images: How many there are to score.
            fill: Writes the first batch into an array of that shape.
            output: Indices and keys that lead to the scores in what the network returns.
        """
        activation = self._activation_fn
        selector.start()
        with self._running(network, shape):
            dtype = self._dtype(network, np.zeros(shape[1:], np.float32), output)
            return selector.select(
                ScoringRequest(
                    (network, activation),
                    lambda: ScoreCell(network, activation, dtype, output),
                    shape,
                    fill,
                    images,
                    dtype,
                    (output, False),
                )
            )

    @contextmanager
    def _running(self, network: nn.Cell, shape: tuple[int, ...]) -> Iterator[None]:
        with (
            in_our_words(self._owner, lambda: layers_of(network), shape),
            evaluating(network, self._activation_fn),
        ):
            yield

    def _check_activation(
        self, network: nn.Cell, batch: np.ndarray, classes: int, output: tuple[int | str, ...]
    ) -> None:
        if self._checked_with is network:
            return

        def network_classes() -> int:
            bare = ScoreCell(network, None, self._dtype(network, batch[0], output), output)
            return int(MindSporeEngine(bare)(batch.copy()).shape[1])

        check_activated(self._owner, self._activation_fn, classes, network_classes)
        self._checked_with = network

    def _dtype(self, network: nn.Cell, image: np.ndarray, output: tuple[int | str, ...]) -> Any:
        known = self._dtypes
        if known is None or known.network is not network or known.output != output:
            known = self._dtypes = InputDtype(network, output)
        return known.of(image)

    def _mindspore(
        self, network: nn.Cell, batch: np.ndarray, output: tuple[int | str, ...]
    ) -> MindSporeEngine:
        dtype = self._dtype(network, batch[0], output)
        wanted = (network, dtype, output)
        kept = self._built_from is not None and self._built_from.is_current()
        if self._cell is None or self._built_for != wanted or not kept:
            self._cell = ScoreCell(network, self._activation_fn, dtype, output)
            self._built_from, self._built_for = Structure(network), wanted
        return MindSporeEngine(self._cell, str(dtype))
