"""What perturbation explainers share: the network with its activation, scored in batches."""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.hints import in_our_words
from fastxai.arguments.plausibility import looks_like_softmax_twice, warn_of_probabilities
from fastxai.arguments.scores import top_classes
from fastxai.arguments.targets import check_scores
from fastxai.common.attribution import Attribution, Output
from fastxai.engine.autotune import best_batch_size
from fastxai.engine.input_dtype import InputDtype
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.engine.protocol import Engine
from fastxai.engine.request import ScoringRequest
from fastxai.engine.selector import Selector
from fastxai.engine.settings import Choice
from fastxai.explainer.perturb.facts import facts_of
from fastxai.network.activation import Activation, activation_cell, check_activated
from fastxai.network.evaluation import evaluating, one_call_at_a_time
from fastxai.network.inputs import to_images, to_targets
from fastxai.network.layers import layers_of
from fastxai.network.scores import ScoreCell
from fastxai.ops.checks import check_int
from fastxai.perturbation.batches import even_batch
from fastxai.perturbation.explanation import Explanation
from fastxai.perturbation.image_result import ImageResult, stacked
from fastxai.perturbation.image_run import ImageRun
from fastxai.perturbation.progress import Progress, Reporter, check_progress, reporting
from fastxai.perturbation.run_state import RunState
from fastxai.visual.cv.display import in_notebook

RESULT = "result"  # a value of `ret`

_log = logging.getLogger("fastxai")


class PerturbationAttribution(Attribution, ABC):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: What turns its scores into probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities.
        perturbation_per_eval: Perturbed images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        engine: What scores them, as in `fastxai.set_engine`; None: what was set there.
        precision: The same.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive, or a word is unknown.
        ImportError: The engine is not installed.
    """

    _unit: str  # what is counted: 'mask', 'window'

    def __init__(
        self,
        network: nn.Cell,
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        engine: str | None = None,
        precision: str | None = None,
        output: Output = None,
    ) -> None:
        super().__init__(network, output=output)
        self._activation_fn = activation_cell(self._owner, activation_fn)
        self._input_dtype = InputDtype(network, self._output_path)
        self._dtype: Any = None  # for the images of a call
        self._activation_checked = False
        self._example: Any = None  # an image of a call, (1, C, H, W)
        self._looked = False  # at scores of the network
        self._cells: dict[Any, Any] = {}  # compiled ones and engines, by what fixes them
        self._perturbation_per_eval = _checked_per_eval(self._owner, perturbation_per_eval)
        self._probed: dict[Any, int] = {}  # what 'auto' found, by what it depends on
        self._selector = Selector(self._owner, engine, precision)

    def _fresh(self) -> dict[str, Any]:
        return {**super()._fresh(), "_cells": {}}

    @property
    def engine(self) -> Choice | None:
        """What scored the last call, why, and its error against MindSpore; None before it."""
        return self._selector.choice

    @one_call_at_a_time
    def __call__(
        self,
        inputs: ms.Tensor,
        targets: Any = None,
        ret: str = "tensor",
        show: bool | None = None,
        *,
        progress: Progress = None,
        state: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite.
            targets: Class or classes to explain, each in [0, classes): one for all images, (N,), or
                (N, L) for L maps per image; int, list, tuple, ndarray or Tensor of integers. None:
                the class with the highest score of each image; `last_targets` and the log say
                which.
            ret: 'tensor', 'image' for a list (N) of lists (L) of RGB PIL images of size W x H, or
                'result' for an `Explanation`: the maps and what is known of how sure they are.
            show: Display the maps; None displays them in a notebook only.
            progress: None shows a bar in a terminal or notebook when the run takes more than 3
                seconds, True at once, False never; a callable gets (done, total), counted in masks
                or windows of all images, and if it has a parameter called `partial` by that name a
                `fastxai.perturbation.progress.Partial`, whose `saliency()` is the map so far.
            state: File that keeps what the run has: replaced as a whole every few seconds and when
                the run ends, however it ends. A later call of the same (images, targets, network,
                arguments, versions) goes on where it ended and gives the same bits; another call is
                refused. One that is done gives its maps at once. None: nothing is kept.

        Returns:
            Tensor (N, L, H, W) float32, images, or an `Explanation`.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, or the network returns scores that
                are not finite; or `state` is of another call, or no such file.
            RuntimeError: The engine that was named cannot score this network; or this process was
                forked after MindSpore had run; or the explainer was called from inside a call.
            ImportError: It is not installed.
            OSError: `state` cannot be read, or not be written in the first place.

        Warns:
            RuntimeWarning: `state` cannot be written any more; the run goes on.
        """
        begun = time.perf_counter()
        self._selector.start()
        images = to_images(self._owner, inputs)
        given = None if targets is None else to_targets(self._owner, targets, len(images))
        self._check_output_form(ret, show, RESULT)
        check_progress(self._owner, progress)
        size = (images.shape[2], images.shape[3])
        kept = RunState(self._owner, state)
        self._selector.go_on_with(kept.begun_by)
        plan = self._plan(images.shape[1], size, ret == RESULT, kept.seed)
        with (
            in_our_words(self._owner, lambda: layers_of(self._network), images.shape),
            evaluating(self._network, self._activation_fn),
        ):
            self._dtype = self._input_dtype.of(images[0])
            self._example = images[:1]
            classes = self._top_classes(images) if given is None else given
            self._last_targets = classes
            shape = (len(images), classes.shape[1], *size)
            with (
                kept.of(lambda: self._facts(images, classes, plan, ret), shape, plan.units),
                reporting(
                    progress, len(images) * plan.units, self._unit, lambda: self._selector.note
                ) as report,
            ):
                found = self._explain_all(images, classes, plan, report, kept)
        if ret != RESULT:
            return self._deliver(np.stack([one.saliency for one in found]), ret, show)
        explanation = Explanation(
            explainer=self._owner,
            targets=classes,
            seconds=kept.seconds + time.perf_counter() - begun,
            **stacked(found),
            **kept.scored,
            **self._described(plan),
        )
        if in_notebook() if show is None else show:
            explanation.show()
        return explanation

    def _explain_all(
        self,
        images: np.ndarray,
        classes: np.ndarray,
        plan: Any,
        report: Reporter,
        kept: RunState,
    ) -> list[ImageResult]:
        """What is found for every image; what the state file has is not made again."""
        found = []
        for index, (image, labels) in enumerate(zip(images, classes, strict=True)):
            one = kept.done(index)
            if one is None:
                one = self._explain(image, labels, plan, ImageRun(index, report, kept))
                kept.finish(one)
            else:
                report.drop(plan.units - one.units)
                report(one.units)
            found.append(one)
        return found

    def _top_classes(self, images: np.ndarray) -> np.ndarray:
        """The class with the highest score of every image, (N, 1)."""
        dtype = self._network_dtype()
        key = ("top class", str(dtype))
        if key not in self._cells:
            self._cells[key] = ScoreCell(
                self._network, self._activation_fn, dtype, self._output_path
            )
        try:
            engine = MindSporeEngine(self._cells[key])
            parts = [engine(np.ascontiguousarray(image[None])) for image in images]
        except BaseException:
            self._cells.pop(key, None)
            raise
        for scores in parts:
            self._check_scores(scores.shape, 1, np.zeros(1, np.int64))
        return top_classes(self._owner, np.concatenate(parts))

    @abstractmethod
    def _plan(self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None) -> Any:
        """What a call does for each image of this shape; `units` masks or windows at most.

        Args:
            channels: Of the images.
            size: (H, W).
            unsure: Whether it has to be known how sure the maps are.
            seed: Of the run that is gone on with; None for a new one.
        """

    @abstractmethod
    def _explain(
        self, image: np.ndarray, labels: np.ndarray, plan: Any, run: ImageRun
    ) -> ImageResult:
        """Maps of one image (C, H, W) for classes (L,); tells `run` of its units."""

    def _facts(self, images: np.ndarray, classes: np.ndarray, plan: Any, ret: str) -> dict:
        """What a state file has to be of."""
        wish = self._selector.preference
        settings = {
            "explainer": self._owner,
            "an error bar": ret == RESULT,
            "perturbation_per_eval": self._perturbation_per_eval,
            "engine": wish.engine,
            "precision": wish.precision,
            "dtype": str(self._network_dtype()),
            "output": self._output_path,
        }
        return facts_of(images, classes, self._scored_cells(), settings | self._settings(plan))

    @abstractmethod
    def _settings(self, plan: Any) -> dict[str, Any]:
        """All arguments and the plan of a call, as far as its maps depend on them."""

    def _described(self, plan: Any) -> dict[str, Any]:
        """What else an `Explanation` says of a call."""
        return {}

    def _batch_size(self, total: int, most: int | None = None) -> int:
        """Copies per batch: at most `most`, by default `perturbation_per_eval`."""
        return even_batch(total, most or int(self._perturbation_per_eval))

    def _batch_for(self, image: np.ndarray, total: int, fill: Callable[[np.ndarray], Any]) -> int:
        """Copies per batch of an image; for 'auto' the number that was found to be fastest.

        Args:
            image: (C, H, W).
            total: Copies to score.
            fill: Writes copies into an array (M, C, H, W), for any M up to `total`.
        """
        if self._perturbation_per_eval != "auto":
            return self._batch_size(total)
        key = (
            image.shape,
            self._network_dtype(),
            self._selector.preference,
            ms.get_context("mode"),
        )
        if key not in self._probed:
            self._probed[key] = self._probe(image.shape, total, fill)
        size = min(self._probed[key], total)
        # The engine for this size is there already: some copies that do not count cost less than
        # another one.
        return size if -total % size <= total // 50 else self._batch_size(total, size)

    def _probe(self, shape: tuple[int, ...], total: int, fill: Callable[[np.ndarray], Any]) -> int:
        made: dict[int, Engine | None] = {}

        def seconds_of(size: int) -> float:
            copies = np.empty((size, *shape), np.float32)
            fill(copies)
            engine = made[size] = self._engine_for(copies.shape, total, fill)
            score = engine or MindSporeEngine(self._score_cell(self._network_dtype()))
            score(copies)
            start = time.perf_counter()
            score(copies)
            return time.perf_counter() - start

        found = best_batch_size(seconds_of, total)
        for size, engine in made.items():
            if engine is not None and size != found.size:
                self._selector.discard(engine)
        level = logging.INFO if found.too_large is None else logging.WARNING
        _log.log(level, "%s: perturbation_per_eval='auto': %s.", self._owner, found)
        return found.size

    def _engine_for(
        self, shape: tuple[int, ...], units: int, fill: Callable[[np.ndarray], Any]
    ) -> Engine | None:
        """The engine for batches (M, C, H, W); None for MindSpore.

        Args:
            shape: Of a batch.
            units: Images to score.
            fill: Writes the first batch into an array of that shape.
        """
        dtype = self._network_dtype()
        return self._selector.select(
            ScoringRequest(
                self._scored_cells(), lambda: self._exported_cell(dtype), shape, fill, units, dtype
            )
        )

    def _scored_cells(self) -> tuple[nn.Cell, ...]:
        """All that the scores depend on."""
        return self._network, self._activation_fn

    def _score_cell(self, dtype: Any) -> nn.Cell:
        """Images (M, C, H, W) to what is summed, (M, K) float32, by MindSpore."""
        return ScoreCell(self._network, self._activation_fn, dtype, self._output_path)

    def _exported_cell(self, dtype: Any) -> nn.Cell:
        """What another engine runs: images (M, C, H, W) to scores (M, K), float32."""
        return self._score_cell(dtype)

    def _network_dtype(self) -> Any:
        """What the network takes: found by the call, else the likeliest."""
        return self._input_dtype.unasked() if self._dtype is None else self._dtype

    def _check_scores(self, shape: tuple[int, ...], rows: int, targets: np.ndarray) -> None:
        """Refuses an output that is not one row of class scores per image.

        Raises:
            ValueError: Wrong shape, a target that the network does not have, or an activation that
                `check_rows` refuses.
        """
        check_scores(self._owner, shape, rows, targets)
        if not self._activation_checked:
            check_activated(
                self._owner,
                self._activation_fn,
                shape[1],
                lambda: self._bare_scores(rows).shape[1],
            )
            self._activation_checked = True

    def _bare_scores(self, rows: int) -> np.ndarray:
        """The network's scores (M, K) before the activation, of one image as often as wished.

        A network may take batches of one size alone, as a MindIR file does.
        """
        bare = ScoreCell(self._network, None, self._network_dtype(), self._output_path)
        return MindSporeEngine(bare)(np.repeat(self._example, rows, axis=0))

    def _look_at(self, scores: np.ndarray | None) -> None:
        """Warns, once, where scores (M, K) are a softmax of probabilities."""
        if scores is not None and not self._looked:
            self._looked = True
            softmax = isinstance(self._activation_fn, nn.Softmax)
            if softmax and looks_like_softmax_twice(scores):
                warn_of_probabilities(self._owner, self._bare_scores(len(scores)))


def _checked_per_eval(owner: str, value: Any) -> int | str:
    if isinstance(value, str):
        if value != "auto":
            raise ValueError(
                f"{owner}: `perturbation_per_eval` must be an int or 'auto', got {value!r}."
            )
        return value
    return check_int(owner, "perturbation_per_eval", value, 1, 2**31 - 1)
