"""One batch of masks: masked copies of the image, their scores, the sums over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.network.evaluation import running
from fastxai.ops import MaskSpec, SaliencySums, masked_product, saliency_accumulate
from fastxai.ops.saliency_accumulate import BAD_PARAMS
from fastxai.perturbation.archive import Arrays

_ROUNDING = 1e-9  # of sums in float64, relative to the largest that they can be
Scores = Callable[[np.ndarray], np.ndarray]  # (M, C, H, W) float32 to (M, K) float32


class StepCell(nn.Cell):
    """One batch in one graph: masked product, scores of the copies, accumulation."""

    def __init__(self, score: nn.Cell, count: int, dtype: Any) -> None:
        from fastxai.ops import mindspore_primitives

        super().__init__(auto_prefix=False)
        self.score = score
        self.count = count
        product_dtype = dtype if dtype in (ms.float16, ms.bfloat16) else ms.float32
        self.product = mindspore_primitives.masked_product(count, product_dtype)
        self.accumulate = mindspore_primitives.saliency_accumulate()

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
            # The op itself picks the targets: MindSpore's Gather in this graph makes the peak of
            # ResNet50 at batch 32 75 MB higher.
            sums, moments, bad = self.accumulate(scores, targets, params, sums, moments)
        return sums, moments, bad, scores


class MaskedStep(ABC):
    """Batches of one image.

    Args:
        cells: Compiled cells and engines of the explainer; one in which something fails is taken
            out, since it would not run again.
        key: Which of them to use.
        image: (C, H, W) float32.
        labels: (L,) int64 classes.
        base: (C,) float32.
        spec: The masks.
        batch: M, masks of a batch.
        keep: Whether to keep every mask's scores, for `scores`.
    """

    def __init__(
        self,
        cells: dict[Any, Any],
        key: Any,
        image: np.ndarray,
        labels: np.ndarray,
        base: np.ndarray,
        spec: MaskSpec,
        batch: int,
        keep: bool = False,
    ) -> None:
        self._cells = cells
        self._key = key
        self._image = image
        self._labels = labels
        self._base = base
        self._spec = spec
        self._batch = batch
        self._keeps = keep
        self._kept: list[np.ndarray] = []
        self.first_scores: np.ndarray | None = None  # (M, K) of the first batch, all classes

    def __call__(self, first: int, count: int) -> tuple[tuple[int, ...], int]:
        """Adds masks `first` .. `first + count - 1`.

        Returns:
            The shape of the scores, and the row of the first one that is not finite, or -1.
        """
        try:
            return self._run(self._cells[self._key], first, count)
        except BaseException:
            self._cells.pop(self._key, None)
            raise

    @abstractmethod
    def _run(self, cell: Any, first: int, count: int) -> tuple[tuple[int, ...], int]: ...

    @abstractmethod
    def sums(self) -> SaliencySums:
        """The accumulators so far."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Masks that were added so far."""

    def scores(self, first: int = 0) -> np.ndarray:
        """Scores (N - first, L) float64 of the masks so far from `first` on, where they are kept.

        An interrupted step may have kept scores that were not added any more: they do not count.
        """
        found: list[np.ndarray] = [np.empty((0, len(self._labels)))]
        at = 0
        for part in self._kept:
            found.append(part[max(first - at, 0) :])
            at += len(part)
        return np.concatenate(found, dtype=np.float64)[: max(self.count - first, 0)]

    def snapshot(self) -> Arrays:
        """Everything that is needed to go on from here."""
        sums = self.sums()
        found = {"sums": sums.sums, "moments": sums.moments}
        return found | {"scores": self.scores()} if self._keeps else found

    def check(self, snapshot: Arrays, most: int) -> None:
        """Refuses a snapshot that no run over these masks can have made.

        The masks are known, so their own sums have to be exactly those that `count` masks give, and
        no sum of scores can be larger than the mean square of the scores allows.

        Args:
            snapshot: As read back.
            most: Masks of the run, at most.

        Raises:
            ValueError: It cannot be.
        """
        names = {"sums", "moments"} | ({"scores"} if self._keeps else set())
        if snapshot.keys() != names:
            raise ValueError(f"it has {sorted(snapshot)} of a run that keeps {sorted(names)}")
        kept = SaliencySums(snapshot["sums"], snapshot["moments"])
        own = SaliencySums.zeros(self._spec, len(self._labels))
        if kept.sums.shape != own.sums.shape or kept.moments.shape != own.moments.shape:
            raise ValueError(f"its sums are of shape {kept.sums.shape}")
        if not all(np.isfinite(array).all() for array in snapshot.values()):
            raise ValueError("it holds a number that is not finite")
        count = kept.moments[-1, 0]
        if not (count == int(count) and 1 <= count <= most):
            raise ValueError(f"it is of {count} masks, of {most}")
        _check_sums(kept, self._spec)
        if self._keeps:
            _check_scores(kept, snapshot["scores"], self._spec)

    def restore(self, snapshot: Arrays) -> int:
        """Takes what a step for the same masks had, if it had anything; the masks so far."""
        if not snapshot:
            return 0
        self._put(SaliencySums(snapshot["sums"], snapshot["moments"]))
        if self._keeps:
            self._kept = [snapshot["scores"]]
        return self.count

    @abstractmethod
    def _put(self, sums: SaliencySums) -> None:
        """Exchanges the accumulators."""

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Whether scores of this shape have a row for each mask and a column for each label."""
        return len(shape) == 2 and shape[0] == self._batch and self._labels.max() < shape[1]


class GraphStep(MaskedStep):
    """Everything in MindSpore ops, on the CPU; the cell is a `StepCell`."""

    _state: tuple[ms.Tensor, ms.Tensor]  # sums and moments

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._put(SaliencySums.zeros(self._spec, len(self._labels)))
        self._bad = ms.Tensor(np.array([-1], np.int64))
        self._fixed = (ms.Tensor(self._image), ms.Tensor(self._base))
        self._targets = ms.Tensor(self._labels)

    def _run(self, cell: nn.Cell, first: int, count: int) -> tuple[tuple[int, ...], int]:
        params = ms.Tensor(self._spec.params(first, count))
        with running("MindSpore"):
            *state, bad, scores = cell(*self._fixed, params, self._targets, *self._state, self._bad)
            bad_row = int(bad.asnumpy()[0])  # waits for the batch
            if bad_row == BAD_PARAMS:
                raise RuntimeError(f"The native sums refused their numbers ({bad_row}).")
            shape = tuple(scores.shape)
            if self.first_scores is None:
                self.first_scores = scores.asnumpy()
            if self._keeps and self._fits(shape):
                self._kept.append(scores.asnumpy()[:count, self._labels])
            self._state = (state[0], state[1])
        return shape, bad_row

    def _put(self, sums: SaliencySums) -> None:
        self._state = (ms.Tensor(sums.sums), ms.Tensor(sums.moments))

    def sums(self) -> SaliencySums:
        return SaliencySums(self._state[0].asnumpy(), self._state[1].asnumpy())

    @property
    def count(self) -> int:
        return int(self._state[1].asnumpy()[-1, 0])


class HostSums(MaskedStep):
    """Scores come to the host and are summed there, in float64."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._put(SaliencySums.zeros(self._spec, len(self._labels)))

    def _add(self, scores: np.ndarray, first: int, count: int) -> tuple[tuple[int, ...], int]:
        """Adds the first `count` rows of a batch's scores; returns what `_run` does."""
        if self.first_scores is None:
            self.first_scores = scores
        if not self._fits(scores.shape):
            return scores.shape, -1  # for the caller to refuse
        picked = scores[:, self._labels]
        if self._keeps:
            self._kept.append(picked[:count])
        bad_row = saliency_accumulate(picked, self._spec, first, self._sums, count=count)
        return scores.shape, bad_row

    def _put(self, sums: SaliencySums) -> None:
        self._sums = sums

    def sums(self) -> SaliencySums:
        return self._sums

    @property
    def count(self) -> int:
        return self._sums.count


class HostStep(HostSums):
    """Copies made and summed on the host; the cell is an `Engine` or another function of a batch.

    The copies are written where the engine reads them. For any engine and device, with or without
    native code. On the CPU in PYNATIVE_MODE it beats a `GraphStep`, whose ops MindSpore would
    launch one by one.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._levels = tuple(self._base.tolist())
        self._buffer = np.empty((self._batch, *self._image.shape), np.float32)

    def _run(self, cell: Scores, first: int, count: int) -> tuple[tuple[int, ...], int]:
        masked_product(
            self._image, self._spec, first, self._batch, base_value=self._levels, out=self._buffer
        )
        return self._add(cell(self._buffer), first, count)  # it is done with the buffer


def _check_sums(kept: SaliencySums, spec: MaskSpec) -> None:
    """Refuses sums over other masks, and sums larger than their scores allow.

    Raises:
        ValueError: They are.
    """
    count = kept.count
    masks = SaliencySums.zeros(spec, 1)
    saliency_accumulate(np.zeros((count, 1), np.float32), spec, 0, masks)
    if (kept.sums[-1] != masks.sums[-1]).any() or (kept.moments[-1] != masks.moments[-1]).any():
        raise ValueError(f"its sums are not of the first {count} masks")
    total, squares = kept.moments[:-1].T
    largest = np.sqrt(count * np.maximum(squares, 0.0)) * (1 + _ROUNDING)  # of the sum of |scores|
    cells = np.abs(kept.sums[:-1].sum(axis=(1, 2))).max(axis=(1, 2))
    if (np.maximum(np.abs(total), cells) > largest).any():
        raise ValueError("its sums are larger than its scores allow")


def _check_scores(kept: SaliencySums, scores: np.ndarray, spec: MaskSpec) -> None:
    """Refuses scores that do not give these sums.

    Raises:
        ValueError: They do not.
    """
    if scores.shape != (kept.count, len(kept.sums) - 1):
        raise ValueError(f"its scores are of shape {scores.shape}")
    again = SaliencySums.zeros(spec, scores.shape[1])
    saliency_accumulate(scores.astype(np.float32), spec, 0, again)
    largest = len(scores) * max(np.abs(scores).max(), np.square(scores).max())
    for name in ("sums", "moments"):
        off = np.abs(getattr(kept, name) - getattr(again, name)).max()
        if off > _ROUNDING * largest:
            raise ValueError(f"its {name} are not those of its scores")


def check_kept_scores(snapshot: Arrays, labels: int, most: int) -> None:
    """Refuses a snapshot that is not of scores (M, L) alone, with M from 1 to `most`.

    Raises:
        ValueError: It is not.
    """
    if snapshot.keys() != {"scores"}:
        raise ValueError(f"it has {sorted(snapshot)} of a run that keeps scores alone")
    scores = snapshot["scores"]
    if scores.shape[1:] != (labels,) or not 1 <= len(scores) <= most:
        raise ValueError(f"its scores are of shape {scores.shape}, of {most} by {labels}")
    if not np.isfinite(scores).all():
        raise ValueError("it holds a score that is not finite")
