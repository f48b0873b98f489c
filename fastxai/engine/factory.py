"""Makes an engine for a network, and lets it pass only if it scores like MindSpore."""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import Any

import numpy as np

from fastxai.arguments.plausibility import do_not_move
from fastxai.engine import settings
from fastxai.engine.agreement import (
    CHECKED_ROWS,
    OWN_BATCHES,
    TOLERANCE,
    batches_to_compare,
    relative_error,
)
from fastxai.engine.callers import callers
from fastxai.engine.export import exported, untraced
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.engine.protocol import Engine, Unusable
from fastxai.engine.request import ScoringRequest
from fastxai.ops.native import thread_limit

UNMOVED = "the scores of the first images, and of noise, do not move from image to image"
_NO_SCORES = "its own scores of the first batch are none that another engine could be held to"


class Undecided(Exception):  # noqa: N818 - a finding, caught by the selector
    """MindSpore's scores of the first batch show nothing of another engine.

    Args:
        reason: What a user can read after "because".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EngineFactory:
    """Makes engines for one request; exports and asks MindSpore once, however many are tried.

    Args:
        request: The network and its batches.
        precision: What the engine computes in.
        must_move: Take no engine where MindSpore's scores are equal for all images that are
            compared: any network of the same scores there would agree.
    """

    def __init__(self, request: ScoringRequest, precision: str, must_move: bool = True) -> None:
        self._request = request
        self._precision = precision
        self._must_move = must_move
        self._noise_was_tried = False
        self._model: bytes | Unusable | None = None

    def __call__(self, name: str) -> Engine:
        """A checked engine.

        Args:
            name: 'openvino' or 'onnxruntime'; installed.

        Raises:
            Unusable: It cannot run the network, or scores otherwise than MindSpore.
            Undecided: MindSpore fails (its own run will say why), or its scores are not finite, not
                one row per image, or equal for all images.
        """
        _, expected = self._compared  # first: what is wrong is MindSpore's to say
        self._check_movement(expected)
        return self._compared_with_mindspore(
            _class_of(name)(
                self._exported(),
                self._request.shape,
                self._precision,
                thread_limit(),
                settings.cache_dir(),
                callers(),
            )
        )

    def confirmed(self, engine: Engine) -> Engine:
        """An engine that was kept, though no image nor noise showed whether it agrees.

        These images may show it. Noise is the same for all images, and is not tried again.

        Raises:
            Unusable: It scores otherwise than MindSpore.
            Undecided: As above.
        """
        self._noise_was_tried = True
        self._check_movement(self._compared[1])
        return self._compared_with_mindspore(engine)

    def _check_movement(self, expected: np.ndarray) -> None:
        if self._must_move and do_not_move(expected):
            raise Undecided(f"{UNMOVED}, so that no other engine can be held to them")

    def _compared_with_mindspore(self, engine: Engine) -> Engine:
        batch, expected = self._compared
        try:
            scores = engine(batch.copy())
        except Exception as error:
            raise Unusable(f"{engine.title} cannot run the exported network: {error}") from error
        engine.error = self._error(scores, expected, engine.title)
        engine.compared = not do_not_move(expected)
        return engine

    def _error(self, scores: np.ndarray, expected: np.ndarray, title: str) -> float:
        shape = (self._request.shape[0], *expected.shape[1:])
        if scores.shape != shape:
            raise Unusable(f"{title} returns scores of shape {scores.shape} instead of {shape}")
        error = relative_error(scores[self._rows], expected)
        limit = TOLERANCE[self._precision]
        if not error <= limit:
            raise Unusable(
                f"{title}'s scores differ from MindSpore's by {error:.1e} of the largest, more "
                f"than {limit:g}",
                for_good=False,
            )
        return error

    @cached_property
    def _compared(self) -> tuple[np.ndarray, np.ndarray]:
        """A batch, and MindSpore's scores of the images of it that are compared.

        It is the first one, unless that shows nothing.
        """
        first = np.empty(self._request.shape, np.float32)
        self._request.fill(first)
        batches = batches_to_compare(first)
        for batch in itertools.islice(batches, OWN_BATCHES) if self._noise_was_tried else batches:
            expected = self._expected(batch)
            if not do_not_move(expected):
                break
        return batch, expected

    @cached_property
    def _rows(self) -> np.ndarray:
        """Which images of the batch are compared: some, spread evenly."""
        number = self._request.shape[0]
        return np.unique(np.linspace(0, number - 1, min(number, CHECKED_ROWS)).astype(int))

    def _expected(self, batch: np.ndarray) -> np.ndarray:
        """MindSpore's scores of those images of a batch."""
        try:
            scores = self._tried(np.ascontiguousarray(batch[self._rows]))
        except Exception:  # a network made for batches of one size?
            try:
                scores = self._tried(batch.copy())[self._rows]
            except Exception as error:
                raise Undecided(_NO_SCORES) from error
        if scores.ndim < 2 or len(scores) != len(self._rows) or not np.isfinite(scores).all():
            raise Undecided(_NO_SCORES)
        return scores

    def _tried(self, images: np.ndarray) -> np.ndarray:
        """Scores by MindSpore of images into which the network may write.

        Where it fails, its own run will say the same once more.
        """
        with untraced(repeat=True):
            return MindSporeEngine(self._request.make())(images)

    def _exported(self) -> bytes:
        """The network as ONNX; a failure is not tried again either."""
        if self._model is None:
            try:
                self._model = exported(self._request.make(), self._request.shape)
            except Unusable as unusable:
                self._model = unusable
        if isinstance(self._model, Unusable):
            raise self._model
        return self._model


def _class_of(name: str) -> Any:
    if name == "openvino":
        from fastxai.engine.openvino import OpenVinoEngine

        return OpenVinoEngine
    from fastxai.engine.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine
