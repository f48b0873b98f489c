"""RISE: saliency from random masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.common.guard import evaluating
from fastxai.common.inputs import to_images, to_targets
from fastxai.common.progress import Progress, check_progress, reporting
from fastxai.explainer.perturb.perturbation import (
    PerturbationAttribution,
    ScoreCell,
    gather_targets,
)
from fastxai.ops import (
    MaskSpec,
    SaliencySums,
    has_native,
    masked_product,
    saliency_accumulate,
    saliency_expand,
)
from fastxai.ops.checks import base_levels, check_int, check_pair
from fastxai.ops.params import check_probability

_ESTIMATORS = ("centred", "plain")
_SHIFT_RANGE = (11, 11)  # shifts of 0..10 pixels, as in the mirrored library


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
        perturbation_per_eval: Masked images scored at a time, at most.
        num_masks: N, masks per image; at least 2 for 'centred'.
        mask_probability: p, probability of a cell to be kept, in (0, 1).
        grid_size: Coarse cells per axis, an int or (rows, columns).
        base_value: What a masked pixel shows, in the units of the inputs: a float, or one per
            channel.
        seed: 0 .. 2^64 - 1 for reproducible masks. None draws one per call from NumPy's global
            generator, so `np.random.seed(0)` makes a script repeatable.
        estimator: 'centred' or 'plain'.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

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

    def __init__(
        self,
        network: nn.Cell,
        activation_fn: nn.Cell,
        perturbation_per_eval: int = 32,
        *,
        num_masks: int = 6000,
        mask_probability: float = 0.5,
        grid_size: int | tuple[int, int] = 10,
        base_value: float | tuple[float, ...] = 0.0,
        seed: int | None = None,
        estimator: str = "centred",
    ) -> None:
        super().__init__(network, activation_fn, perturbation_per_eval)
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
        self._steps: dict[Any, nn.Cell] = {}

    def __call__(
        self,
        inputs: ms.Tensor,
        targets: Any,
        ret: str = "tensor",
        show: bool | None = None,
        *,
        progress: Progress = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite.
            targets: Class or classes to explain, each in [0, classes): one for all images, (N,), or
                (N, L) for L maps per image; int, list, tuple, ndarray or Tensor of integers.
            ret: 'tensor', or 'image' for a list (N) of lists (L) of RGB PIL images of size W x H.
            show: Display the maps; None displays them in a notebook only.
            progress: None shows a bar in a terminal or notebook when the run takes more than 3
                seconds, True at once, False never; a callable gets (masks done, masks in all).

        Returns:
            Tensor (N, L, H, W) float32, or images.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape or range, or the network returns scores that
                are not finite.
        """
        images = to_images(self._owner, inputs)
        classes = to_targets(self._owner, targets, len(images))
        self._check_output_form(ret, show)
        check_progress(self._owner, progress)
        num_masks = self._checked_num_masks()
        base = base_levels(self._owner, self._base_value, images.shape[1])
        size = (images.shape[2], images.shape[3])
        spec = MaskSpec(
            self._drawn_seed(), size, self._grid_size, self._mask_probability, _SHIFT_RANGE
        )
        maps = np.empty((len(images), classes.shape[1], *size))
        total = len(images) * num_masks
        with (
            evaluating(self._network, self._activation_fn),
            reporting(progress, total, "mask") as advance,
        ):
            for saliency, image, labels in zip(maps, images, classes, strict=True):
                sums = self._score_masks(image, labels, base, spec, num_masks, advance)
                saliency[...] = self._estimate(sums, size)
        return self._deliver(maps, ret, show)

    def _checked_num_masks(self) -> int:
        least = 2 if self._estimator == "centred" else 1
        return check_int(self._owner, "num_masks", self._num_masks, least, 2**31 - 1)

    def _drawn_seed(self) -> int:
        if self._seed is not None:
            return self._seed
        return int(np.random.randint(0, 2**64, dtype=np.uint64))

    def _score_masks(
        self,
        image: np.ndarray,
        labels: np.ndarray,
        base: np.ndarray,
        spec: MaskSpec,
        num_masks: int,
        advance: Callable[[int], None],
    ) -> SaliencySums:
        """Accumulators of all masks of one image."""
        batch = self._batch_size(num_masks)
        on_cpu = ms.get_context("device_target") == "CPU"
        step_type = _GraphStep if has_native() and on_cpu else _HostStep
        step = step_type(self, image, labels, base, spec, batch)
        for first in range(0, num_masks, batch):
            count = min(batch, num_masks - first)
            bad_row = step(first, count)
            if bad_row >= 0:
                raise self._not_finite("masks", first, first + count - 1)
            advance(count)
        return step.sums()

    def _cell(self, key: Any, make: Callable[[], nn.Cell]) -> nn.Cell:
        """The compiled cell of a batch size and dtype, made once."""
        if key not in self._steps:
            self._steps[key] = make()
        return self._steps[key]

    def _forget_cells(self) -> None:
        """Drops compiled cells: one in which something failed does not run again."""
        self._steps.clear()

    def _estimate(self, sums: SaliencySums, size: tuple[int, int]) -> np.ndarray:
        """Accumulators to maps (L, H, W)."""
        maps = saliency_expand(sums.sums, size)
        number = sums.count
        scored, unscored = maps[:-1], maps[-1]
        if self._estimator == "plain":
            return scored / number
        mean = sums.moments[:-1, 0, None, None] / number
        return self._mask_probability * mean + (scored - mean * unscored) / (number - 1)


class _StepCell(nn.Cell):
    """One batch in one graph: masked product, network, activation, accumulation."""

    def __init__(self, network: nn.Cell, activation: nn.Cell, count: int, dtype: Any) -> None:
        from fastxai.ops import custom

        super().__init__(auto_prefix=False)
        self.score = ScoreCell(network, activation, dtype)
        product_dtype = dtype if dtype in (ms.float16, ms.bfloat16) else ms.float32
        self.product = custom.masked_product(count, product_dtype)
        self.accumulate = custom.saliency_accumulate()
        self.count = count

    def construct(
        self,
        image: ms.Tensor,
        base: ms.Tensor,
        params: ms.Tensor,
        targets: ms.Tensor,
        sums: ms.Tensor,
        moments: ms.Tensor,
        bad: ms.Tensor,
    ) -> tuple[ms.Tensor, ...]:
        """New sums and moments, the first row with a bad score, and all scores."""
        scores = self.score(self.product(image, base, params))
        if scores.ndim == 2 and scores.shape[0] == self.count:
            picked = gather_targets(scores, targets)
            sums, moments, bad = self.accumulate(picked, params, sums, moments)
        return sums, moments, bad, scores


class _GraphStep:
    """Batches of one image on the CPU, everything in MindSpore ops."""

    def __init__(
        self,
        owner: RISE,
        image: np.ndarray,
        labels: np.ndarray,
        base: np.ndarray,
        spec: MaskSpec,
        batch: int,
    ) -> None:
        dtype = owner._network_dtype()
        self._owner = owner
        self._labels = labels
        self._spec = spec
        self._batch = batch
        self._cell = owner._cell(
            (batch, str(dtype)),
            lambda: _StepCell(owner._network, owner._activation_fn, batch, dtype),
        )
        empty = SaliencySums.zeros(spec, len(labels))
        self._sums = ms.Tensor(empty.sums)
        self._moments = ms.Tensor(empty.moments)
        self._bad = ms.Tensor(np.array([-1], np.int64))
        self._fixed = (ms.Tensor(image), ms.Tensor(base))
        self._targets = ms.Tensor(labels)

    def __call__(self, first: int, count: int) -> int:
        params = ms.Tensor(self._spec.params(first, count))
        try:
            self._sums, self._moments, bad, scores = self._cell(
                *self._fixed, params, self._targets, self._sums, self._moments, self._bad
            )
            bad_row = int(bad.asnumpy()[0])
        except BaseException:
            self._owner._forget_cells()
            raise
        if first == 0:
            self._owner._check_scores(scores.shape, self._batch, self._labels)
        return bad_row

    def sums(self) -> SaliencySums:
        return SaliencySums(self._sums.asnumpy(), self._moments.asnumpy())


class _HostStep:
    """Batches of one image made and summed on the host: any device, with or without native code."""

    def __init__(
        self,
        owner: RISE,
        image: np.ndarray,
        labels: np.ndarray,
        base: np.ndarray,
        spec: MaskSpec,
        batch: int,
    ) -> None:
        dtype = owner._network_dtype()
        self._owner = owner
        self._image = image
        self._labels = labels
        self._base = tuple(base.tolist())
        self._spec = spec
        self._batch = batch
        self._sums = SaliencySums.zeros(spec, len(labels))
        self._cell = owner._cell(
            ("host", str(dtype)),
            lambda: ScoreCell(owner._network, owner._activation_fn, dtype),
        )

    def __call__(self, first: int, count: int) -> int:
        copies = masked_product(self._image, self._spec, first, self._batch, base_value=self._base)
        try:
            scores = self._cell(ms.Tensor(copies)).asnumpy()
        except BaseException:
            self._owner._forget_cells()
            raise
        if first == 0:
            self._owner._check_scores(scores.shape, self._batch, self._labels)
        return saliency_accumulate(
            scores[:, self._labels], self._spec, first, self._sums, count=count
        )

    def sums(self) -> SaliencySums:
        return self._sums
