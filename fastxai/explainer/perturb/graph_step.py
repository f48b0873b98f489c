"""A batch of masks as one graph of MindSpore on the CPU: copies, scores and sums."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.network.evaluation import running
from fastxai.ops import MaskSpec, SaliencySums
from fastxai.ops.saliency_accumulate import BAD_PARAMS
from fastxai.perturbation.plan import MaskPlan
from fastxai.perturbation.step import Step, Task
from fastxai.perturbation.tally import MaskTally


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


class TensorTally(MaskTally):
    """Sums over masks that a graph takes and gives."""

    state: tuple[ms.Tensor, ms.Tensor]  # sums and moments

    def _put(self, sums: SaliencySums) -> None:
        self.state = (ms.Tensor(sums.sums), ms.Tensor(sums.moments))

    def sums(self) -> SaliencySums:
        """The accumulators so far."""
        return SaliencySums(self.state[0].asnumpy(), self.state[1].asnumpy())

    @property
    def count(self) -> int:
        """Masks so far."""
        return int(self.state[1].asnumpy()[-1, 0])


class GraphStep(Step):
    """Scores and adds a batch in one graph.

    Args:
        task: The image; its plan is of masks.
        cell: Gives the `StepCell` to run.
        inspect: Refuses scores of a wrong shape; is given that, and what gives the scores.
    """

    tally: TensorTally

    def __init__(
        self,
        task: Task,
        cell: Callable[[], AbstractContextManager[StepCell]],
        inspect: Callable[[tuple[int, ...], Callable[[], np.ndarray]], None],
    ) -> None:
        plan = task.plan
        assert isinstance(plan, MaskPlan)
        super().__init__(task, TensorTally(plan.spec, len(task.labels), plan.keeps_scores))
        self._spec: MaskSpec = plan.spec
        self._cell = cell
        self._inspect = inspect
        self._bad = ms.Tensor(np.array([-1], np.int64))
        self._fixed = (ms.Tensor(task.image), ms.Tensor(plan.base.of(task.image)))
        self._targets = ms.Tensor(task.labels)

    def __call__(self, first: int, count: int) -> None:
        bad_row, scores = self._run(first, count)
        self._inspect(tuple(scores.shape), scores.asnumpy)
        if bad_row >= 0:
            raise self._task.plan.not_finite(first, count)

    def _run(self, first: int, count: int) -> tuple[int, ms.Tensor]:
        params = ms.Tensor(self._spec.params(first, count))
        with self._cell() as cell, running("MindSpore"):
            *state, bad, scores = cell(
                *self._fixed, params, self._targets, *self.tally.state, self._bad
            )
            bad_row = int(bad.asnumpy()[0])  # waits for the batch
            if bad_row == BAD_PARAMS:
                raise RuntimeError(f"The native sums refused their numbers ({bad_row}).")
            if self._fits(scores.shape):
                self.tally.keep(lambda: scores.asnumpy()[:count, self._task.labels])
            self.tally.state = (state[0], state[1])
        return bad_row, scores

    def _fits(self, shape: tuple[int, ...]) -> bool:
        """Whether scores of this shape have a row for each mask and a column for each label."""
        task = self._task
        return len(shape) == 2 and shape[0] == task.batch and task.labels.max() < shape[1]
