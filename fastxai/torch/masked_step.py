"""One batch of masks over a PyTorch network: masked copies, their scores, the sums over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from fastxai.masks.estimators import combined, maps_of_sums
from fastxai.ops import MaskSpec, SaliencySums, cuda, masked_product, saliency_accumulate

Score = Callable[[torch.Tensor], torch.Tensor]  # (M, C, H, W) to (M, K) float32, contiguous


class MaskedStep(ABC):
    """Batches of one image.

    Args:
        score: Scores a batch.
        image: (C, H, W) float32.
        labels: (L,) int64 classes.
        base: (C,) float32.
        spec: The masks.
        batch: (M, C, H, W), memory for a batch.
        keep: Whether to keep every mask's scores, for `scores`.
    """

    def __init__(
        self,
        score: Score,
        image: torch.Tensor,
        labels: np.ndarray,
        base: np.ndarray,
        spec: MaskSpec,
        batch: torch.Tensor,
        keep: bool,
    ) -> None:
        self._score = score
        self._image = image
        self._labels = labels
        self._base = base
        self._spec = spec
        self._batch = batch
        self._keeps = keep
        self._kept: list[torch.Tensor] = []

    @abstractmethod
    def __call__(self, first: int, count: int) -> None:
        """Adds masks `first` .. `first + count - 1`; the batch holds more if it is larger."""

    @abstractmethod
    def bad_batch(self) -> int:
        """Number of the first batch with a score that is not finite, or -1; waits for all."""

    @abstractmethod
    def maps(self, estimator: str, number: int) -> torch.Tensor:
        """Maps (L, H, W) of the `number` masks so far, by 'centred' or 'plain'."""

    def scores(self) -> np.ndarray:
        """Scores of the masks so far, (N, L) float64, where they are kept."""
        return torch.cat(self._kept).double().cpu().numpy()


class HostStep(MaskedStep):
    """On the CPU, by its native ops."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._sums = SaliencySums.zeros(self._spec, len(self._labels))
        self._levels = tuple(self._base.tolist())
        self._pixels = self._image.numpy()
        self._buffer = np.empty(tuple(self._batch.shape), np.float32)
        self._bad: list[bool] = []

    def __call__(self, first: int, count: int) -> None:
        masked_product(
            self._pixels, self._spec, first, len(self._buffer),
            base_value=self._levels, out=self._buffer,
        )  # fmt: skip
        picked = self._score(torch.from_numpy(self._buffer))[:, self._labels]
        if self._keeps:
            self._kept.append(picked[:count])
        row = saliency_accumulate(picked.numpy(), self._spec, first, self._sums, count=count)
        self._bad.append(row >= 0)

    def bad_batch(self) -> int:
        return self._bad.index(True) if True in self._bad else -1

    def maps(self, estimator: str, number: int) -> torch.Tensor:
        return torch.from_numpy(maps_of_sums(self._sums, self._spec, estimator))


class CudaStep(MaskedStep):
    """On a GPU, all queued on PyTorch's current stream."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        device = self._image.device
        empty = SaliencySums.zeros(self._spec, len(self._labels))
        self._sums = torch.zeros(empty.sums.shape, dtype=torch.float64, device=device)
        self._moments = torch.zeros(empty.moments.shape, dtype=torch.float64, device=device)
        self._targets = torch.from_numpy(self._labels).to(device)
        self._level = torch.from_numpy(self._base).to(device)
        self._bad: list[torch.Tensor] = []

    def __call__(self, first: int, count: int) -> None:
        stream = stream_of(self._image)
        cuda.masked_product(self._image, self._level, self._spec, first, self._batch, stream=stream)
        scores = self._score(self._batch)
        if self._keeps:
            self._kept.append(scores[:count].index_select(1, self._targets))
        bad = torch.empty(1, dtype=torch.int64, device=scores.device)
        cuda.saliency_accumulate(
            scores, self._spec, first, self._sums, self._moments, bad,
            targets=self._targets, count=count, stream=stream,
        )  # fmt: skip
        self._bad.append(bad)

    def bad_batch(self) -> int:
        rows = torch.cat(self._bad).cpu().numpy()
        found = np.flatnonzero(rows != -1)
        return int(found[0]) if len(found) else -1

    def maps(self, estimator: str, number: int) -> torch.Tensor:
        shape = tuple(self._sums.shape)
        doubles = {"dtype": torch.float64, "device": self._sums.device}
        maps = torch.empty((shape[0], *self._spec.size), **doubles)
        workspace = torch.empty(cuda.saliency_expand_workspace(shape, self._spec.size), **doubles)
        cuda.saliency_expand(self._sums, maps, workspace, stream=stream_of(self._sums))
        return combined(maps, self._moments[:-1, 0], number, self._spec, estimator)


def stream_of(tensor: torch.Tensor) -> int:
    """The handle of PyTorch's current stream on a tensor's device; 0 for the CPU (emulated)."""
    if tensor.device.type != "cuda":
        return 0
    return int(torch.cuda.current_stream(tensor.device).cuda_stream)
