"""RISE: saliency from random masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.engine.mindspore_cell import MindSporeEngine
from fastxai.engine.protocol import Engine
from fastxai.explainer.perturb.masked_step import GraphStep, HostStep, MaskedStep, StepCell
from fastxai.explainer.perturb.perturbation import PerturbationAttribution
from fastxai.ops import MaskSpec, SaliencySums, has_native, masked_product, saliency_expand
from fastxai.ops.checks import base_levels, check_int, check_pair
from fastxai.ops.params import check_probability

_ESTIMATORS = ("centred", "plain")
_SHIFT_RANGE = (11, 11)  # shifts of 0..10 pixels, as in the mirrored library


@dataclass(frozen=True)
class _Plan:
    """What a call does for each of its images."""

    units: int  # masks
    spec: MaskSpec
    base: np.ndarray  # (C,) float32


class RISE(PerturbationAttribution):
    r"""Randomized Input Sampling for Explanation.

    Random coarse masks are enlarged to the image and multiplied into it; a pixel's saliency is how
    much the score of the target depends on seeing it.

    The coarse grid is enlarged to (H + 10, W + 10) and cropped at a shift of 0 to 10 pixels, as in
    mindspore_xai (the paper shifts by up to one cell). With p the keep probability, :math:`f_i` the
    score of mask :math:`M_i` and N masks:

    * ``estimator='plain'``: :math:`S = \frac{1}{N}\sum_i f_i M_i`, mindspore_xai's sum.
    * ``estimator='centred'``: :math:`S = p \bar f + \frac{1}{N-1}\sum_i (f_i - \bar f) M_i`. The
      same expected map (:math:`E[M] = p`), several times less noise.

    Neither is divided by p, so values lie in [0, 1] for probabilities; only differences between
    pixels carry information.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: Cell that turns its output into probabilities, such as `nn.Softmax()`.
        perturbation_per_eval: Masked images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        num_masks: N, masks per image; at least 2 for 'centred'.
        mask_probability: p, probability of a cell to be kept, in (0, 1).
        grid_size: Coarse cells per axis, an int or (rows, columns).
        base_value: What a masked pixel shows, in the units of the inputs: a float, or one per
            channel.
        seed: 0 .. 2^64 - 1 for reproducible masks. None draws one per call from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.
        estimator: 'centred' or 'plain'.
        engine: What scores the images: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None:
            what `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32' or 'bfloat16'; None: what `fastxai.set_engine` says.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Randomness:
        Mask i is a pure function of (seed, i): not of the batch size, the mode, the number of
        threads or the other images of the batch. Images explained together share masks; that is
        harmless with 'centred', while with 'plain' the errors of their maps correlate (0.83 was
        measured), so give each image a call of its own if you compare plain maps.

    Precision:
        Masks and products in float32, sums in float64.

    Source:
        Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", BMVC 2018, equation 6 (times p).

    Supported Platforms:
        ``CPU`` natively; other devices of MindSpore with masks made on the host.

    Example:
        >>> import numpy as np
        >>> import mindspore as ms
        >>> from mindspore import nn
        >>> from fastxai.explainer import RISE
        >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 16 * 16, 4))
        >>> rise = RISE(network, nn.Softmax(), num_masks=64, seed=0)
        >>> rise(ms.Tensor(np.ones((1, 3, 16, 16), np.float32)), 2).shape
        (1, 1, 16, 16)
    """

    _unit = "mask"

    def __init__(
        self,
        network: nn.Cell,
        activation_fn: nn.Cell,
        perturbation_per_eval: int | str = 32,
        *,
        num_masks: int = 6000,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: float | tuple[float, ...] = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
        engine: str | None = None,
        precision: str | None = None,
    ) -> None:
        super().__init__(
            network, activation_fn, perturbation_per_eval, engine=engine, precision=precision
        )
        if estimator not in _ESTIMATORS:
            raise ValueError(
                f"{self._owner}: `estimator` must be one of {_ESTIMATORS}, got {estimator!r}."
            )
        self._estimator = estimator
        self._num_masks = num_masks  # read at every call: scripts in the wild set it
        self._checked_num_masks()
        self._mask_probability = check_probability(
            self._owner, "mask_probability", mask_probability
        )
        if self._mask_probability in (0.0, 1.0):
            raise ValueError(
                f"{self._owner}: `mask_probability` must be in (0, 1), got {mask_probability}."
            )
        self._grid_size = check_pair(self._owner, "grid_size", grid_size, 1, 2**15)
        self._base_value = base_value
        self._seed = seed if seed is None else check_int(self._owner, "seed", seed, 0, 2**64 - 1)

    def _plan(self, channels: int, size: tuple[int, int]) -> _Plan:
        spec = MaskSpec(
            self._drawn_seed(), size, self._grid_size, self._mask_probability, _SHIFT_RANGE
        )
        base = base_levels(self._owner, self._base_value, channels)
        return _Plan(self._checked_num_masks(), spec, base)

    def _explain(
        self, image: np.ndarray, labels: np.ndarray, plan: _Plan, advance: Callable[[int], None]
    ) -> np.ndarray:
        def fill(copies: np.ndarray) -> None:
            levels = tuple(plan.base.tolist())
            masked_product(image, plan.spec, 0, len(copies), base_value=levels, out=copies)

        batch = self._batch_for(image, plan.units, fill)
        step = self._make_step(image, labels, plan, batch, fill)
        for first in range(0, plan.units, batch):
            count = min(batch, plan.units - first)
            scores_shape, bad_row = step(first, count)
            if first == 0:
                self._check_scores(scores_shape, batch, labels)
            if bad_row >= 0:
                raise self._not_finite("masks", first, first + count - 1)
            advance(count)
        return self._estimate(step.sums(), plan.spec.size)

    def _make_step(
        self,
        image: np.ndarray,
        labels: np.ndarray,
        plan: _Plan,
        batch: int,
        fill: Callable[[np.ndarray], None],
    ) -> MaskedStep:
        """How a batch of masks is scored: in a CPU graph all in MindSpore ops, else on the host."""
        engine = self._engine_for((batch, *image.shape), plan.units, fill)
        if engine is not None:
            scorer = {"engine": self._weighed(engine)}
            return HostStep(scorer, "engine", image, labels, plan.base, plan.spec, batch)
        graph = ms.get_context("mode") == ms.GRAPH_MODE
        graph = graph and has_native() and ms.get_context("device_target") == "CPU"
        step = GraphStep if graph else HostStep
        dtype = self._network_dtype()
        key = (step, batch, str(dtype))
        if key not in self._cells:
            score = self._score_cell(dtype)
            self._cells[key] = (
                StepCell(score, batch, dtype) if graph else MindSporeEngine(score, str(dtype))
            )
        return step(self._cells, key, image, labels, plan.base, plan.spec, batch)

    def _weighed(self, engine: Engine) -> Callable[[np.ndarray], np.ndarray]:
        """What an engine returns for `_exported_cell`, as what is summed against the masks."""
        return engine

    def _checked_num_masks(self) -> int:
        least = 2 if self._estimator == "centred" else 1
        return check_int(self._owner, "num_masks", self._num_masks, least, 2**31 - 1)

    def _drawn_seed(self) -> int:
        if self._seed is not None:
            return self._seed
        return int(np.random.randint(0, 2**64, dtype=np.uint64))

    def _estimate(self, sums: SaliencySums, size: tuple[int, int]) -> np.ndarray:
        """Accumulators to maps (L, H, W)."""
        maps = saliency_expand(sums.sums, size)
        number = sums.count
        scored, unscored = maps[:-1], maps[-1]
        if self._estimator == "plain":
            return scored / number
        mean = sums.moments[:-1, 0, None, None] / number
        return self._mask_probability * mean + (scored - mean * unscored) / (number - 1)
