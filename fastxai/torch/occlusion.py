"""Occlusion over a PyTorch network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fastxai.arguments.targets import not_finite
from fastxai.masks.windows import windows_of
from fastxai.ops import OcclusionSpec, cuda, occlusion_fill, occlusion_sum
from fastxai.ops.checks import MAX_AXIS, base_levels, check_pair
from fastxai.perturbation.batches import even_batch
from fastxai.torch.masked_step import stream_of
from fastxai.torch.perturbation import Activation, Output, PerturbationAttribution


@dataclass(frozen=True)
class _Plan:
    """What a call does for each of its images."""

    units: int  # windows
    spec: OcclusionSpec
    base: np.ndarray  # (C,) float32


class Occlusion(PerturbationAttribution):
    r"""How much the score drops when a window is covered; see `fastxai.explainer.Occlusion`.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...), further axes
            being averaged. It is given back as it came.
        activation_fn: What turns its scores into probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Covered images scored at a time, at most.
        window: Window in pixels, an int or (rows, columns); all channels are covered. None: per
            axis of v pixels, v // 32 if v > 32, else 3.
        strides: Pixels from one window to the next, an int or (rows, columns). None: the window
            where v > 32, else 1; the window itself if `window` was given.
        base_value: What a covered pixel shows, in the units of the inputs: a float, or one per
            channel.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: An argument is out of range.

    Precision:
        Covered images are exact copies, rounded once to the network's dtype; sums float64.

    Source:
        Zeiler and Fergus, ECCV 2014, section 4.2.

    Supported Platforms:
        CPU; NVIDIA GPUs with `libfastxai_cuda.so`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from fastxai.torch import Occlusion
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 4))
        >>> occlusion = Occlusion(network, nn.Softmax(dim=1), window=4)
        >>> tuple(occlusion(torch.ones(1, 3, 16, 16), 2).shape)
        (1, 1, 16, 16)
    """

    _unit = "window"

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
        perturbation_per_eval: int = 32,
        *,
        window: int | tuple[int, int] | None = None,
        strides: int | tuple[int, int] | None = None,
        base_value: float | tuple[float, ...] = 0.0,
        output: Output = None,
    ) -> None:
        super().__init__(network, activation_fn, perturbation_per_eval, output=output)
        owner = self._owner
        self._window = None if window is None else check_pair(owner, "window", window, 1, MAX_AXIS)
        self._strides = (
            None if strides is None else check_pair(owner, "strides", strides, 1, MAX_AXIS)
        )
        self._base_value = base_value

    def _plan(self, channels: int, size: tuple[int, int]) -> _Plan:
        spec = windows_of(self._owner, size, self._window, self._strides)
        return _Plan(spec.num_windows, spec, base_levels(self._owner, self._base_value, channels))

    def _explain(
        self, image: torch.Tensor, labels: np.ndarray, plan: _Plan, advance: Callable[[int], None]
    ) -> torch.Tensor:
        rows = 1 + plan.units
        batch = even_batch(rows, self._perturbation_per_eval)
        kind = _CudaWindows if image.device.type == "cuda" else _HostWindows
        windows = kind(image, plan, self._batch_on(image, batch))
        picked = []
        chosen = torch.from_numpy(labels).to(image.device)
        for done in range(0, rows, batch):
            scores = self._score(windows.batch(done - 1), labels)
            count = min(batch, rows - done)
            picked.append(scores[:count].index_select(1, chosen))
            advance(count - (done == 0))
        table = torch.cat(picked).double()  # row 0 is the image with nothing covered
        if not bool(torch.isfinite(table).all()):
            bad = int(torch.nonzero(~torch.isfinite(table).all(dim=1))[0])
            first = bad // batch * batch
            last = min(first + batch, rows) - 2
            raise not_finite(self._owner, "windows", max(first - 1, 0), last)
        drops = (table[:1] - table[1:]).T.contiguous()
        return windows.sum(drops).abs()


class _HostWindows:
    """Covered images on the CPU, by its native ops.

    Each batch is made anew: a network may change its input in place, as `nn.ReLU(inplace=True)`.
    """

    def __init__(self, image: torch.Tensor, plan: _Plan, batch: torch.Tensor) -> None:
        self._image = image.numpy()
        self._spec = plan.spec
        self._base = tuple(plan.base.tolist())
        self._buffer = np.empty(tuple(batch.shape), np.float32)

    def batch(self, first: int) -> torch.Tensor:
        """The images that begin with window `first`."""
        occlusion_fill(
            self._image, self._spec, first, len(self._buffer),
            base_value=self._base, out=self._buffer,
        )  # fmt: skip
        return torch.from_numpy(self._buffer)

    def sum(self, drops: torch.Tensor) -> torch.Tensor:
        """Maps (L, H, W) of drops (L, windows)."""
        return torch.from_numpy(occlusion_sum(drops.numpy(), self._spec))


class _CudaWindows:
    """Covered images on a GPU, all queued on PyTorch's current stream."""

    def __init__(self, image: torch.Tensor, plan: _Plan, batch: torch.Tensor) -> None:
        self._image = image
        self._spec = plan.spec
        self._base = torch.from_numpy(plan.base).to(image.device)
        self._batch = batch

    def batch(self, first: int) -> torch.Tensor:
        """The images that begin with window `first`."""
        stream = stream_of(self._image)
        cuda.occlusion_fill(self._image, self._base, self._spec, first, self._batch, stream=stream)
        return self._batch

    def sum(self, drops: torch.Tensor) -> torch.Tensor:
        """Maps (L, H, W) of drops (L, windows)."""
        doubles = {"dtype": torch.float64, "device": drops.device}
        maps = torch.empty((len(drops), *self._spec.size), **doubles)
        workspace = torch.empty(cuda.occlusion_sum_workspace(len(drops), self._spec), **doubles)
        cuda.occlusion_sum(drops, self._spec, maps, workspace, stream=stream_of(drops))
        return maps
