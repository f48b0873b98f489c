"""RISE: saliency from random masks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from mindspore import nn

from fastxai.arguments.targets import not_finite
from fastxai.common.attribution import Output
from fastxai.engine.protocol import Engine
from fastxai.explainer.perturb.device_step import cell_for, step_kind
from fastxai.explainer.perturb.masked_step import HostStep, MaskedStep
from fastxai.explainer.perturb.perturbation import PerturbationAttribution
from fastxai.masks.designs import (
    SHIFT_RANGE,
    check_estimator,
    check_masks,
    check_num_masks,
    check_seed,
    chosen_design,
    drawn_seed,
)
from fastxai.masks.error_bar import check_error_bar, uncertainty_of
from fastxai.masks.stopping import (
    AUTO,
    StoppingRule,
    check_max_masks,
    check_tol,
    warn_of_equal_scores,
)
from fastxai.network.activation import Activation
from fastxai.ops import MaskSpec, masked_product
from fastxai.ops.checks import base_levels
from fastxai.perturbation.image_result import ImageResult
from fastxai.perturbation.image_run import ImageRun


@dataclass(frozen=True)
class _Plan:
    """What a call does for each of its images."""

    rule: StoppingRule
    spec: MaskSpec
    base: np.ndarray  # (C,) float32
    unsure: bool  # whether it has to be known how sure the maps are

    @property
    def units(self) -> int:
        """Masks, at most."""
        return self.rule.most


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
    * ``estimator='control-variate'``: the score is split into a part that is linear in the mask,
      whose map is known exactly, and a rest, whose map is estimated. The fit of the linear part is
      always used on masks that it has not seen, so the expected map is the same again. It takes
      some ms more per image.

    **Values.** None is divided by p or stretched to [0, 1]: a pixel's value estimates E[f M], which
    for probabilities lies in [0, p], and noise may carry it a little outside. For other scores it
    may be anything. Only differences between the pixels of one map carry information;
    `fastxai.normalize_saliency` stretches a map to [0, 1], as pictures of maps are.

    ``design='iid'`` draws every mask for itself. ``design='oa128'`` draws blocks of 128 masks whose
    cells are exactly balanced, singly and in pairs, and which share one shift: the same expected
    map. Whole blocks (N a multiple of 128: take one) have the plain sum for the centred one; with a
    block that was cut off the centred sum has a slightly other divisor than N - 1, which keeps it
    unbiased. On trained networks 'oa128' with 'centred', or 'iid' with 'control-variate', has about
    two to three times less noise than 'iid' with 'centred' at as many masks, so ``design=None``
    takes 'oa128' where it can: for 'centred', keep probability 0.5, at most 127 cells and at least
    512 masks; else 'iid'. Formulas, measurements and when to use which: docs/estimators.md.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: What turns its scores into probabilities: a Cell such as `nn.Softmax()`,
            'softmax', 'sigmoid', a function of rows (., classes), or None where the network
            returns probabilities. It acts on the classes, of every pixel of a dense output.
        perturbation_per_eval: Masked images scored at a time, at most; 'auto' tries once which
            number is fastest, as far as memory allows, and logs it.
        num_masks: N, masks per image; at least 2 for 'centred' and 256 for 'control-variate'.
            'auto': as many as it takes, each image its own number; see `tol`.
        tol: With 'auto', an image is done when the predicted correlation of all its maps with
            those of infinitely many masks is this, in (0, 1). It is looked at after 512 masks and
            every 256 thereafter.
        max_masks: With 'auto', the most masks for an image, 512 or more; where it ends an image, a
            warning is logged.
        mask_probability: p, probability of a cell to be kept, in (0, 1); 0.5 for 'oa128'.
        grid_size: Coarse cells per axis, an int or (rows, columns); at most 127 cells for 'oa128'.
        base_value: What a masked pixel shows, in the units of the inputs: a float, or one per
            channel.
        seed: 0 .. 2^64 - 1 for reproducible masks. None draws one per call from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.
        estimator: 'centred', 'plain' or 'control-variate'.
        design: 'iid' or 'oa128'; None: the less noisy one that fits, see above.
        engine: What scores the images: 'auto', 'mindspore', 'openvino' or 'onnxruntime'; None:
            what `fastxai.set_engine` says, 'auto' at first.
        precision: 'float32' or 'bfloat16'; None: what `fastxai.set_engine` says.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.
        ImportError: The engine is not installed.

    Randomness:
        Mask i is a pure function of (seed, i): not of the batch size, the mode, the number of
        threads or the other images of the batch. Images explained together share masks; that is
        harmless but for 'plain' with 'iid', where the errors of their maps correlate (0.83 was
        measured), so give each image a call of its own if you compare such maps.

    Precision:
        Masks and products in float32, sums in float64.

    Source:
        Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box
        Models", BMVC 2018, equation 6 (times p). The other estimators and the design are ours.

    Supported Platforms:
        ``CPU`` natively; ``Ascend`` with vendor ops if they are installed, and other devices of
        MindSpore with MindSpore's own operators: `fastxai.ops.select_device_ops`. Never run there.

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
        activation_fn: Activation,
        perturbation_per_eval: int | str = 32,
        *,
        num_masks: int | str = 6000,
        tol: float = 0.95,
        max_masks: int = 8192,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: float | tuple[float, ...] = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
        design: str | None = None,
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
        self._estimator = check_estimator(self._owner, estimator)
        self._tol = check_tol(self._owner, tol)
        self._max_masks = check_max_masks(self._owner, max_masks)
        self._num_masks = num_masks
        self._mask_probability, self._grid_size, self._design = check_masks(
            self._owner, mask_probability, grid_size, design
        )
        self._rule()
        self._base_value = base_value
        self._seed = check_seed(self._owner, seed)

    def _plan(self, channels: int, size: tuple[int, int], unsure: bool, seed: int | None) -> _Plan:
        rule = self._rule()
        design = self._design_of(rule.most)
        if unsure:
            check_error_bar(self._owner, design, self._estimator, rule.most)
        spec = MaskSpec(
            self._drawn_seed(seed),
            size,
            self._grid_size,
            self._mask_probability,
            SHIFT_RANGE,
            design,
        )
        base = base_levels(self._owner, self._base_value, channels)
        return _Plan(rule, spec, base, unsure)

    def _explain(
        self, image: np.ndarray, labels: np.ndarray, plan: _Plan, run: ImageRun
    ) -> ImageResult:
        def fill(copies: np.ndarray) -> None:
            levels = tuple(plan.base.tolist())
            masked_product(image, plan.spec, 0, len(copies), base_value=levels, out=copies)

        rule = plan.rule
        batch = run.batch or self._batch_for(image, rule.segment, fill)
        step = self._make_step(image, labels, plan, batch, fill)
        sure = uncertainty_of(plan.spec, self._estimator)
        check = functools.partial(step.check, most=rule.most)
        done = added = step.restore(run.begin(batch, self.engine, check))
        while True:
            enough = rule.is_done(done, functools.partial(sure.settled, step))
            if enough:
                run.drop(rule.most - done)
            if added:
                run.advance(added, done, functools.partial(sure.rough_maps, step), step.snapshot)
            if enough:
                break
            added = min(batch, rule.next_look(done) - done)
            scores_shape, bad_row = step(done, added)
            self._check_scores(scores_shape, batch, labels)
            self._look_at(step.first_scores)
            if bad_row >= 0:
                raise not_finite(self._owner, "masks", done, done + added - 1)
            done += added
        if rule.tol is not None:
            if done == rule.most:
                rule.warn_of_ceiling(self._owner, sure.settled(step))
            warn_of_equal_scores(self._owner, done, labels[sure.certain(step)])
        bar = sure.error_bar(step) if plan.unsure else None
        return ImageResult(sure.maps(step), done, bar)

    def _make_step(
        self,
        image: np.ndarray,
        labels: np.ndarray,
        plan: _Plan,
        batch: int,
        fill: Callable[[np.ndarray], None],
    ) -> MaskedStep:
        """How a batch of masks is scored: by an engine, or by MindSpore as `step_kind` says."""
        keep = self._estimator == "control-variate"
        if plan.spec.design == "oa128":
            keep = keep or plan.unsure or plan.rule.tol is not None
        engine = self._engine_for((batch, *image.shape), plan.units, fill)
        if engine is not None:
            scorer = {"engine": self._weighed(engine)}
            return HostStep(scorer, "engine", image, labels, plan.base, plan.spec, batch, keep)
        step = step_kind()
        dtype = self._network_dtype()
        key = (step, batch, str(dtype))
        if key not in self._cells:
            self._cells[key] = cell_for(step, self._score_cell(dtype), batch, dtype)
        return step(self._cells, key, image, labels, plan.base, plan.spec, batch, keep)

    def _weighed(self, engine: Engine) -> Callable[[np.ndarray], np.ndarray]:
        """What an engine returns for `_exported_cell`, as what is summed against the masks."""
        return engine

    def _rule(self) -> StoppingRule:
        """When to stop; read at every call: scripts in the wild set `_num_masks`."""
        if not isinstance(self._num_masks, str):
            number = check_num_masks(self._owner, self._num_masks, self._estimator)
            return StoppingRule(number)
        if self._num_masks != AUTO:
            raise ValueError(
                f"{self._owner}: `num_masks` must be an int or 'auto', got {self._num_masks!r}."
            )
        design = self._design_of(self._max_masks)
        check_error_bar(self._owner, design, self._estimator, self._max_masks)
        return StoppingRule(self._max_masks, self._tol)

    def _design_of(self, most: int) -> str:
        """How a run of so many masks draws them."""
        return chosen_design(
            self._design, self._mask_probability, self._grid_size, self._estimator, most
        )

    def _settings(self, plan: _Plan) -> dict[str, Any]:
        return {
            "num_masks": plan.rule.most if plan.rule.tol is None else AUTO,
            "tol": plan.rule.tol,
            "max_masks": plan.rule.most,
            "mask_probability": self._mask_probability,
            "grid_size": self._grid_size,
            "base_value": plan.base.tolist(),
            "seed": plan.spec.seed,
            "estimator": self._estimator,
            "design": plan.spec.design,
        }

    def _described(self, plan: _Plan) -> dict[str, Any]:
        return {
            "seed": plan.spec.seed,
            "design": plan.spec.design,
            "estimator": self._estimator,
            "tol": plan.rule.tol,
        }

    def _drawn_seed(self, seed: int | None) -> int:
        """This explainer's, else that of a run that is gone on with, else a new one."""
        if self._seed is not None:
            return self._seed
        if seed is not None:
            return seed
        return drawn_seed()
