"""Steps on a GPU: copies, scores and sums are queued on PyTorch's current stream.

Nothing waits for the device before somebody looks: the stopping rule, a state file that is due, a
map so far, the end of an image. Only then is it known whether all scores were finite.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from fastxai.masks.estimators import combined
from fastxai.ops import SaliencySums, cuda
from fastxai.perturbation.plan import MaskPlan, WindowPlan
from fastxai.perturbation.step import Step, Task
from fastxai.perturbation.tally import Arrays, MaskTally, WindowTally

Score = Callable[[torch.Tensor], torch.Tensor]  # (M, C, H, W) to (M, K) float32, contiguous


def cuda_step(task: Task, score: Score, batch: torch.Tensor) -> CudaStep:
    """What scores the batches of an image on its device.

    Args:
        task: The image, (C, H, W) float32 on the device.
        score: Scores a batch.
        batch: (M, C, H, W), memory for a batch.
    """
    kind = CudaMasks if isinstance(task.plan, MaskPlan) else CudaWindows
    return kind(task, score, batch)


class CudaStep(Step):
    """Queues batches of one image; arguments as of `cuda_step`."""

    def __init__(
        self, task: Task, tally: MaskTally | WindowTally, score: Score, batch: torch.Tensor
    ) -> None:
        super().__init__(task, tally)
        self._score = score
        self._batch = batch
        self._base = torch.from_numpy(task.plan.base.of(task.image)).to(batch.device)
        self._labels = torch.from_numpy(task.labels).to(batch.device)
        # First and count of the batches that nobody has looked at, and what says if they are good.
        self._unseen: list[tuple[int, int, torch.Tensor]] = []
        self._good: Arrays = {}  # the last snapshot of finite scores alone

    def __call__(self, first: int, count: int) -> None:
        stream = stream_of(self._batch)
        self._fill(first, stream)
        self._unseen.append((first, count, self._add(self._score(self._batch), first, count)))

    @abstractmethod
    def _fill(self, first: int, stream: int) -> None:
        """Queues the copies of a batch."""

    @abstractmethod
    def _add(self, scores: torch.Tensor, first: int, count: int) -> torch.Tensor:
        """Queues the sums over scores (M, K); (1,) int64, -1 where the scores are finite."""

    def verify(self) -> None:
        """Waits for all batches; refuses scores that are not finite."""
        bad = self._first_bad()
        if bad is not None:
            raise self._task.plan.not_finite(*bad)

    def _first_bad(self) -> tuple[int, int] | None:
        """First and count of the first batch with a score that is not finite; waits for all."""
        if not self._unseen:
            return None
        rows = torch.cat([bad for _, _, bad in self._unseen]).cpu().numpy()
        found = np.flatnonzero(rows != -1)
        if len(found):
            first, count, _ = self._unseen[found[0]]
            return first, count
        self._unseen.clear()
        return None

    def restore(self, snapshot: Arrays) -> int:
        """Takes a checked snapshot, if there is any; returns the copies so far."""
        self._good = snapshot
        return super().restore(snapshot)

    def snapshot(self) -> Arrays:
        """The last state of finite scores alone; waits for all batches."""
        if self._first_bad() is None:
            self._good = super().snapshot()
        return self._good


class CudaMasks(CudaStep):
    """Random masks."""

    def __init__(self, task: Task, score: Score, batch: torch.Tensor) -> None:
        plan = task.plan
        assert isinstance(plan, MaskPlan)
        self._spec = plan.spec
        self._sums = DeviceMaskTally(plan, len(task.labels), batch.device)
        size = cuda.masked_product_workspace(tuple(batch.shape), plan.spec.grid)
        self._workspace = torch.empty(size, **_doubles(batch))
        super().__init__(task, self._sums, score, batch)

    def _fill(self, first: int, stream: int) -> None:
        inputs = (self._task.image, self._base, self._spec, first)
        cuda.masked_product(*inputs, self._batch, self._workspace, stream=stream)

    def _add(self, scores: torch.Tensor, first: int, count: int) -> torch.Tensor:
        self._sums.keep(lambda: scores[:count].index_select(1, self._labels))
        bad = torch.empty(1, dtype=torch.int64, device=scores.device)
        cuda.saliency_accumulate(
            scores, self._spec, first, *self._sums.state, bad,
            targets=self._labels, count=count, stream=stream_of(scores),
        )  # fmt: skip
        return bad


class CudaWindows(CudaStep):
    """Covered windows."""

    def __init__(self, task: Task, score: Score, batch: torch.Tensor) -> None:
        plan = task.plan
        assert isinstance(plan, WindowPlan)
        self._spec = plan.spec
        self._scores = DeviceWindowTally(plan, len(task.labels), batch.device)
        super().__init__(task, self._scores, score, batch)

    def _fill(self, first: int, stream: int) -> None:
        cuda.occlusion_fill(
            self._task.image, self._base, self._spec, first - 1, self._batch, stream=stream
        )

    def _add(self, scores: torch.Tensor, first: int, count: int) -> torch.Tensor:
        picked = scores[:count].index_select(1, self._labels)
        self._scores.put(picked, first)
        return -torch.isfinite(picked).all().reshape(1).long()


class DeviceMaskTally(MaskTally):
    """Sums over masks in a GPU's memory.

    Args:
        plan: Plan of the call.
        targets: L.
        device: Device of the sums.
    """

    state: tuple[torch.Tensor, torch.Tensor]  # sums and moments

    def __init__(self, plan: MaskPlan, targets: int, device: torch.device) -> None:
        self._device = device
        super().__init__(plan.spec, targets, plan.keeps_scores)

    def _put(self, sums: SaliencySums) -> None:
        self.state = (_on(self._device, sums.sums), _on(self._device, sums.moments))

    def sums(self) -> SaliencySums:
        """The accumulators so far, on the host."""
        return SaliencySums(*(np.array(part.cpu().numpy()) for part in self.state))

    @property
    def count(self) -> int:
        """Masks so far."""
        return int(self.state[1][-1, 0])

    def scores(self, first: int = 0) -> np.ndarray:
        """Scores (N - first, L) float64, on the host."""
        kept: list[Any] = self._kept  # arrays of a state file, and Tensors
        self._kept = [torch.as_tensor(part).cpu().numpy() for part in kept]
        return super().scores(first)

    def maps(self, estimator: str) -> np.ndarray:
        """Maps (L, H, W) float64, enlarged on the device."""
        sums, moments = self.state
        shape = tuple(sums.shape)
        maps = torch.empty((shape[0], *self._spec.size), **_doubles(sums))
        size = cuda.saliency_expand_workspace(shape, self._spec.size)
        workspace = torch.empty(size, **_doubles(sums))
        cuda.saliency_expand(sums, maps, workspace, stream=stream_of(sums))
        found = combined(maps, moments[:-1, 0], self.count, self._spec, estimator)
        return np.array(found.cpu().numpy())


class DeviceWindowTally(WindowTally):
    """Scores of windows in a GPU's memory.

    Args:
        plan: Plan of the call.
        targets: L.
        device: Device of the scores.
    """

    def __init__(self, plan: WindowPlan, targets: int, device: torch.device) -> None:
        super().__init__(plan.spec, targets)
        self._on_device = _on(device, self._table)

    def put(self, scores: torch.Tensor, first: int) -> None:
        """Queues scores (count, L) of copies from `first` on."""
        end = first + len(scores)
        self._on_device[first:end] = scores
        self._count = end  # last: what is counted may be saved after Ctrl-C

    def table(self) -> np.ndarray:
        """Scores (count, L) float64 so far, on the host."""
        return np.array(self._on_device[: self._count].cpu().numpy())

    def _take(self, snapshot: Arrays) -> None:
        super()._take(snapshot)
        self._on_device.copy_(torch.from_numpy(self._table))

    def maps(self) -> np.ndarray:
        """Maps (L, H, W) float64, summed on the device."""
        table = self._on_device[: self._count]
        drops = torch.zeros((table.shape[1], self._spec.num_windows), **_doubles(table))
        drops[:, : self._count - 1] = (table[:1] - table[1:]).T
        maps = torch.empty((len(drops), *self._spec.size), **_doubles(table))
        size = cuda.occlusion_sum_workspace(len(drops), self._spec)
        workspace = torch.empty(size, **_doubles(table))
        cuda.occlusion_sum(drops, self._spec, maps, workspace, stream=stream_of(drops))
        return np.array(maps.abs().cpu().numpy())


def stream_of(tensor: torch.Tensor) -> int:
    """The handle of PyTorch's current stream on a tensor's device; 0 for the CPU (emulated)."""
    if tensor.device.type != "cuda":
        return 0
    return int(torch.cuda.current_stream(tensor.device).cuda_stream)


def _on(device: torch.device, array: np.ndarray) -> torch.Tensor:
    """A copy of an array on a device."""
    return torch.tensor(array, device=device)


def _doubles(like: torch.Tensor) -> dict[str, Any]:
    return {"dtype": torch.float64, "device": like.device}
