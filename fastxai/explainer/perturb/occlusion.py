"""Occlusion: saliency from covering one window at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.arguments.targets import not_finite
from fastxai.common.attribution import Output
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.explainer.perturb.masked_step import check_kept_scores
from fastxai.explainer.perturb.perturbation import PerturbationAttribution
from fastxai.masks.windows import windows_of
from fastxai.network.activation import Activation
from fastxai.network.evaluation import running
from fastxai.ops import OcclusionSpec, occlusion_fill, occlusion_sum
from fastxai.ops.checks import MAX_AXIS, base_levels, check_pair
from fastxai.ops.device import CoveredBatches, device_ops
from fastxai.perturbation.archive import Arrays
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.image_run import ImageRun


@dataclass(frozen=True)
class _Plan:
    """What a call does for each of its images."""

    units: int  # windows
    spec: OcclusionSpec
    base: tuple[float, ...]  # per channel


class Occlusion(PerturbationAttribution):
    r"""How much the score drops when a window of the image is covered.

    With :math:`d_p` the score of the image minus its score with window p covered, a pixel's value
    is :math:`|\sum_{p \ni pixel} d_p| / (1 + \#\{p \ni pixel\})`. The 1 in the denominator is
    mindspore_xai's: with windows that do not overlap the map shows half the drop. Drops and rises
    look alike. Pixels that no window reaches are 0.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: What turns its scores into probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        perturbation_per_eval: Covered images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        window: Window in pixels, an int or (rows, columns); all channels are covered. None: per
            axis of v pixels, v // 32 if v > 32, else 3.
        strides: Pixels from one window to the next, an int or (rows, columns). None: the window
            where v > 32, else 1; the window itself if `window` was given.
        base_value: What a covered pixel shows, in the units of the inputs: a float, or one per
            channel.
        engine: What scores the images: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None:
            what `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32' or 'bfloat16'; None: what `fastxai.set_engine` says.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Precision:
        Covered images are exact copies; scores float32, sums float64.

    Source:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
        section 4.2.

    Supported Platforms:
        ``CPU`` natively; ``Ascend`` with vendor ops if they are installed, and other devices of
        MindSpore with MindSpore's own operators: `fastxai.ops.select_device_ops`. Never run there.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import Occlusion
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> occlusion = Occlusion(network, nn.Softmax(), window=4)
        >>> occlusion(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    _unit = "window"

    def __init__(
        self,
        network: nn.Cell,
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        window: int | tuple[int, int] | None = None,
        strides: int | tuple[int, int] | None = None,
        base_value: float | tuple[float, ...] = 0.0,
        engine: str | None = None,
        precision: str | None = None,
        output: Output = None,
    ) -> None:
        super().__init__(
            network,
            activation_fn,
            perturbation_per_eval,
            engine=engine,
            precision=precision,
            output=output,
        )
        self._window = (
            None if window is None else check_pair(self._owner, "window", window, 1, MAX_AXIS)
        )
        self._strides = (
            None if strides is None else check_pair(self._owner, "strides", strides, 1, MAX_AXIS)
        )
        self._base_value = base_value

    def _plan(self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None) -> _Plan:
        spec = windows_of(self._owner, size, self._window, self._strides)
        base = base_levels(self._owner, self._base_value, channels)
        return _Plan(spec.num_windows, spec, tuple(base.tolist()))

    def _settings(self, plan: _Plan) -> dict[str, Any]:
        spec = plan.spec
        return {"window": spec.window, "strides": spec.strides, "base_value": plan.base}

    def _explain(
        self, image: np.ndarray, labels: np.ndarray, plan: _Plan, run: ImageRun
    ) -> ImageResult:
        scores = self._score_windows(image, labels, plan, run)
        return ImageResult(_maps_of(scores, plan.units, plan.spec), plan.units)

    def _score_windows(
        self, image: np.ndarray, labels: np.ndarray, plan: _Plan, run: ImageRun
    ) -> np.ndarray:
        """Scores (1 + windows, L) float64; row 0 is the image with nothing covered."""
        spec, base = plan.spec, plan.base
        rows = 1 + plan.units

        def fill(covered: np.ndarray) -> None:
            covered[...] = occlusion_fill(image, spec, -1, len(covered), base_value=base)

        def advance(step: int, known: int) -> None:
            maps = functools.partial(_maps_of, scores, known - 1, spec)
            run.advance(step, known - 1, maps, lambda: {"scores": scores[:known]})

        batch = run.batch or self._batch_for(image, rows, fill)
        scores = np.empty((rows, len(labels)))
        engine = self._engine_for((batch, *image.shape), rows, fill)
        made_by = "host" if engine is not None else device_ops()[0]
        on_device = None if made_by == "host" else CoveredBatches(image, spec, base, made_by)

        def check(snapshot: Arrays) -> None:
            check_kept_scores(snapshot, len(labels), rows)

        begun = run.begin(batch, self.engine, check).get("scores", scores[:0])
        scores[: len(begun)] = begun
        if len(begun):
            advance(len(begun) - 1, len(begun))
        covered = _on_host(image, plan, batch) if on_device is None else on_device
        for done in range(len(begun), rows, batch):
            if engine is not None:
                output = engine(covered(done - 1, batch))
            else:
                with running(self._owner):
                    output = self._score(covered(done - 1, batch))
            self._check_scores(output.shape, batch, labels)
            self._look_at(output)
            count = min(batch, rows - done)
            scores[done : done + count] = output[:count, labels]
            if not np.isfinite(scores[done : done + count]).all():
                last = done + count - 2
                raise not_finite(self._owner, "windows", max(done - 1, 0), last)
            advance(count - (done == 0), done + count)
        return scores

    def _score(self, batch: np.ndarray | ms.Tensor) -> np.ndarray:
        """MindSpore's scores (M, K) of a batch, finished: it may be changed afterwards."""
        dtype = self._network_dtype()
        key = str(dtype)
        if key not in self._cells:
            self._cells[key] = MindSporeEngine(self._score_cell(dtype), key)
        try:
            engine = self._cells[key]
            if isinstance(batch, ms.Tensor):
                return engine.cell(batch).asnumpy().copy()
            return engine(batch)
        except BaseException:
            self._cells.clear()
            raise


def _on_host(image: np.ndarray, plan: _Plan, batch: int) -> Callable[[int, int], np.ndarray]:
    """Covered copies of windows `first` .. `first + batch - 1`, in one buffer.

    Each batch is made anew: a network may write into its input.
    """
    buffer = np.empty((batch, *image.shape), np.float32)

    def covered(first: int, count: int) -> np.ndarray:
        return occlusion_fill(image, plan.spec, first, count, base_value=plan.base, out=buffer)

    return covered


def _maps_of(scores: np.ndarray, known: int, spec: OcclusionSpec) -> np.ndarray:
    """Maps (L, H, W) of the first `known` windows from scores (1 + windows, L)."""
    drops = np.zeros((len(scores) - 1, scores.shape[1]))
    drops[:known] = scores[0] - scores[1 : known + 1]
    return np.abs(occlusion_sum(np.ascontiguousarray(drops.T), spec))
