"""The call that every perturbation explainer of every framework shares."""

from __future__ import annotations

import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from operator import is_not
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fastxai._version import __version__
from fastxai.ops.checks import check_int
from fastxai.ops.native import has_native
from fastxai.system.call_lock import CallLock

if TYPE_CHECKING:
    from fastxai.perturbation.backend import Backend
    from fastxai.perturbation.image_result import ImageResult
    from fastxai.perturbation.plan import Plan
    from fastxai.perturbation.progress import Progress, Reporter
    from fastxai.perturbation.run_state import RunState

RESULT = "result"  # a value of `ret`


class PerturbationExplainer(ABC):
    """Explains images by scoring perturbed copies of them.

    A subclass supplies the plan, which says how copies are made and what becomes of their scores,
    and a backend, which scores them.
    """

    _backend: Backend
    _network: Any
    _activation_fn: Any
    _made_of: tuple[Any, ...] | None = None  # what the backend was made of
    _lock: CallLock
    _last_targets: np.ndarray | None = None
    _last_scores: list[np.ndarray | None]  # statistics of the last call's scores, by image
    _perturbation_per_eval: int | str
    _finds_batch: ClassVar[bool] = False  # whether 'auto' is known

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Refuses a name that other libraries have for `base_value`."""
        if "base" in named:
            raise TypeError(f"{cls.__name__}: there is no `base`; the argument is `base_value`.")
        return super().__new__(cls)

    def __call__(
        self,
        inputs: Any,
        targets: Any = None,
        ret: str = "tensor",
        show: bool | None = None,
        *,
        progress: Progress = None,
        state: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite; for PyTorch
                on the network's device.
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
                `fastxai.perturbation.progress.Partial`, whose `saliency()` is the map so far and
                whose `correlation` says how sure it is, where a run stops by itself. On a GPU what
                is done has been queued.
            state: File that keeps what the run has: replaced as a whole every few seconds and when
                the run ends, however it ends. A later call of the same (images, targets, network,
                arguments, versions) goes on where it ended and gives the same bits; another call is
                refused. One that is done gives its maps at once. None: nothing is kept.

        Returns:
            Tensor (N, L, H, W) float32 (for PyTorch on the device of `inputs`), images, or an
            `Explanation`.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape, range or device, or the network returns
                scores that are not finite; or `state` is of another call, or no such file.
            RuntimeError: The engine that was named cannot score this network; or `inputs` are on a
                GPU and there is no `libfastxai_cuda.so`; or this process was forked after MindSpore
                had run; or the explainer was called from inside a call.
            ImportError: The engine is not installed.
            OSError: `state` cannot be read, or not be written in the first place.

        Warns:
            RuntimeWarning: `state` cannot be written any more; the run goes on.
        """
        with (
            self._backend.ready(),
            self._lock.running(PerturbationExplainer.__call__, type(self).__name__),
        ):
            return self._explained(inputs, targets, ret, show, progress, state)

    def _explained(
        self, inputs: Any, targets: Any, ret: str, show: bool | None, progress: Progress, state: Any
    ) -> Any:
        from fastxai.arguments.output_form import check_output_form, delivered, is_shown
        from fastxai.arguments.targets import targets_array
        from fastxai.perturbation.progress import check_progress, reporting
        from fastxai.perturbation.run_state import RunState

        begun = time.perf_counter()
        self._update_backend()
        owner, backend = type(self).__name__, self._backend
        # Scripts written for mindspore_xai set it.
        check_per_eval(owner, self._perturbation_per_eval, self._finds_batch)
        images = backend.images(inputs)
        given = None if targets is None else targets_array(owner, targets, len(images))
        check_output_form(owner, ret, show, RESULT)
        check_progress(owner, progress)
        kept = RunState(owner, state)
        backend.begin(kept.begun_by)
        size = (images.shape[2], images.shape[3])
        plan = self._plan(images.shape[1], size, ret == RESULT, kept.seed)
        with backend.scoring(images):
            classes = backend.top_classes(images) if given is None else given
            self._last_targets = classes
            shape = (len(images), classes.shape[1], *size)
            facts = self._facts(images, classes, plan, ret)
            with (
                kept.of(facts, shape, plan.units),
                reporting(
                    progress, len(images) * plan.units, plan.unit, lambda: backend.note
                ) as report,
            ):
                results = self._explain_all(images, classes, plan, report, kept)
        self._last_scores = [one.scores for one in results]
        if ret != RESULT:
            maps = np.stack([one.saliency for one in results])
            return delivered(maps, ret, show, lambda array: backend.tensor(array, images))
        seconds = kept.seconds + time.perf_counter() - begun
        return self._explanation(results, classes, plan, kept, seconds, is_shown(show))

    @property
    def _given_score(self) -> Any:
        """`score=`; where it is None there is no `_score`, so that `repr` does not show it."""
        return vars(self).get("_score")

    @abstractmethod
    def _make_backend(self) -> Backend:
        """Makes what scores `_scored_parts`."""

    def _scored_parts(self) -> tuple[Any, ...]:
        """The objects that a backend is made of."""
        return self._network, self._activation_fn

    def _update_backend(self) -> None:
        """Makes the backend, anew where a script has set other objects since."""
        parts = self._scored_parts()
        if self._made_of is None or any(map(is_not, parts, self._made_of)):
            self._backend = self._make_backend()
            self._made_of = self._scored_parts()

    @abstractmethod
    def _plan(self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None) -> Plan:
        """What a call does for each image of this shape.

        Args:
            channels: Channels of the images.
            size: (H, W).
            unsure: Whether it has to be known how sure the maps are.
            seed: Seed of the resumed run; None for a new one.
        """

    def _explain_all(
        self, images: Any, classes: np.ndarray, plan: Plan, report: Reporter, kept: RunState
    ) -> list[ImageResult]:
        """The results of all images; what the state file has is not made again."""
        from fastxai.perturbation.loop import explain_image
        from fastxai.perturbation.step import Task

        results, most = [], self._perturbation_per_eval
        for index, (image, labels) in enumerate(zip(images, classes, strict=True)):
            one = kept.done(index)
            if one is None:
                self._backend.begin_image(image, plan)
                batch = kept.batch or self._backend.batch(image, plan, most)
                task = Task(image, labels, plan, batch, index)
                one = explain_image(self._backend, task, report, kept)
                kept.finish(one)
            else:
                report.drop(plan.units - one.units)
                report(one.units)
            results.append(one)
        return results

    def _facts(
        self, images: Any, classes: np.ndarray, plan: Plan, ret: str
    ) -> Callable[[], dict[str, Any]]:
        """Gives all that the maps of a call depend on, as far as another process can compare it."""
        return lambda: {
            **self._backend.identity(images),
            "targets": array_digest(classes),
            "fastxai": __version__,
            "native kernels": has_native(),
            "explainer": type(self).__name__,
            "an error bar": ret == RESULT,
            "perturbation_per_eval": self._perturbation_per_eval,
            **plan.settings(),
        }

    def _explanation(
        self,
        results: list[ImageResult],
        classes: np.ndarray,
        plan: Plan,
        kept: RunState,
        seconds: float,
        show: bool,
    ) -> Any:
        from fastxai.perturbation.explanation import Explanation
        from fastxai.perturbation.image_result import stacked

        explanation = Explanation(
            explainer=type(self).__name__,
            targets=classes.copy(),
            seconds=seconds,
            **stacked(results),
            **kept.scored,
            **plan.description(),
        )
        if show:
            explanation.show()
        return explanation


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's dtype, shape and values."""
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def check_per_eval(owner: str, value: Any, auto: bool) -> int | str:
    """Copies to score at a time, as a caller gives them.

    Args:
        owner: Name for messages.
        value: The number, or 'auto'.
        auto: Whether 'auto' is known.

    Raises:
        TypeError: It is no int.
        ValueError: It is out of range, or another word.
    """
    if auto and isinstance(value, str):
        if value != "auto":
            raise ValueError(
                f"{owner}: `perturbation_per_eval` must be an int or 'auto', got {value!r}."
            )
        return value
    return check_int(owner, "perturbation_per_eval", value, 1, 2**31 - 1)
