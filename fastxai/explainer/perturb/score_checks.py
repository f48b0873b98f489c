"""Checks of the scores that a network of MindSpore returns, and of its activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import nn

from fastxai.arguments.plausibility import looks_like_softmax_twice, warn_of_probabilities
from fastxai.arguments.targets import check_scores
from fastxai.network.activation import check_activated
from fastxai.network.scores import ScoreCell


@dataclass(frozen=True)
class Call:
    """Properties of a network that hold for one call.

    Attributes:
        dtype: What the network takes.
        example: (1, C, H, W), an image.
    """

    dtype: Any
    example: np.ndarray


class ScoreChecks:
    """Looks at every batch's shape; once at the activation, and for a softmax of probabilities.

    Args:
        owner: Name for messages.
        network: The classifier.
        activation_fn: A Cell of rows of scores.
        output: Indices and keys that lead to the scores in what the network returns.
    """

    def __init__(
        self, owner: str, network: nn.Cell, activation_fn: nn.Cell, output: tuple[int | str, ...]
    ) -> None:
        self._owner = owner
        self._network = network
        self._activation_fn = activation_fn
        self._output = output
        self._activation_checked = False
        self._looked = False  # at scores of the network

    def __call__(
        self,
        shape: tuple[int, ...],
        labels: np.ndarray,
        rows: int,
        call: Call,
        scores: Callable[[], np.ndarray] | None = None,
    ) -> None:
        """Refuses an output that is not one row of class scores per image.

        Args:
            shape: Shape of the output.
            labels: Classes that are explained.
            rows: Images.
            call: That is at work.
            scores: Gives the output; a softmax of probabilities in it is warned of, once.

        Raises:
            ValueError: Wrong shape, a target that the network does not have, or an activation that
                `check_rows` refuses.
        """
        check_scores(self._owner, shape, rows, labels)
        self.look(shape[1], rows, call, scores)

    def look(
        self, classes: int, rows: int, call: Call, scores: Callable[[], np.ndarray] | None = None
    ) -> None:
        """Looks at the activation, and for a softmax of probabilities, once.

        Args:
            classes: How many there are after the activation.
            rows: Images.
            call: That is at work.
            scores: Gives activated outputs (rows, classes, ...).

        Raises:
            ValueError: An activation that `check_rows` refuses.
        """
        if not self._activation_checked:
            check_activated(
                self._owner,
                self._activation_fn,
                classes,
                lambda: self._bare_scores(rows, call).shape[1],
            )
            self._activation_checked = True
        if scores is not None and not self._looked:
            self._looked = True
            softmax = isinstance(self._activation_fn, nn.Softmax)
            if softmax and looks_like_softmax_twice(scores()):
                warn_of_probabilities(self._owner, self._bare_scores(rows, call))

    def _bare_scores(self, rows: int, call: Call) -> np.ndarray:
        """The network's scores (M, K) before the activation, of one image as often as wished.

        A network may take batches of one size alone, as a MindIR file does.
        """
        from fastxai.engine.mindspore import MindSporeEngine

        bare = ScoreCell(self._network, None, call.dtype, self._output)
        return MindSporeEngine(bare)(np.repeat(call.example, rows, axis=0))
