"""What the explainers over PyTorch networks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from fastxai.arguments.hints import TORCH, in_our_words
from fastxai.arguments.plausibility import warn_of_probabilities
from fastxai.arguments.scores import check_rows, output_path, top_classes
from fastxai.arguments.settings_repr import SettingsRepr
from fastxai.arguments.targets import check_scores
from fastxai.ops.checks import check_int
from fastxai.perturbation.progress import Progress, check_progress, reporting
from fastxai.system.call_lock import CallLock, one_at_a_time
from fastxai.torch.inputs import to_images, to_targets
from fastxai.torch.networks import (
    InputDtype,
    activation_of,
    check_device,
    chosen_output,
    class_scores,
    evaluating,
    memory_format,
    ready,
    renewed,
)

Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor] | str | None
Output = int | str | tuple[int | str, ...] | None

_RETURNS = ("tensor", "image")


class PerturbationAttribution(SettingsRepr, ABC):
    """An explainer that scores perturbed copies of an image.

    Args:
        network: The classifier, (M, C, H, W) to (M, classes) or (M, classes, ...).
        activation_fn: What turns its scores into probabilities: a Module such as
            `nn.Softmax(dim=1)`, 'softmax', 'sigmoid', a function of rows (., classes), or None
            where the network returns probabilities. It acts on the classes, of every pixel of a
            dense output.
        perturbation_per_eval: Perturbed images scored at a time, at most.
        output: Where the scores are in what the network returns, if that is no Tensor: an index, a
            key, or a tuple of those from the outside to the inside.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: `perturbation_per_eval` is not positive, or a word is unknown.
    """

    _unit: str  # what is counted: 'mask', 'window'

    def __init__(
        self,
        network: nn.Module,
        activation_fn: Activation,
        perturbation_per_eval: int = 32,
        *,
        output: Output = None,
    ) -> None:
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise TypeError(f"{self._owner}: `network` must be an nn.Module, got {kind}.")
        self._network = network
        self._lock = CallLock()
        self._activation_fn = activation_of(self._owner, activation_fn)
        self._output_path = output_path(self._owner, output)
        if output is not None:  # else `repr` does not show it
            self._output = output
        self._input_dtype = InputDtype(network)
        self._dtype = torch.float32  # for the images of a call
        self._last_targets: np.ndarray | None = None
        self._activation_checked = False
        self._looked = False  # at outputs of the network
        self._perturbation_per_eval = check_int(
            self._owner, "perturbation_per_eval", perturbation_per_eval, 1, 2**31 - 1
        )

    @property
    def network(self) -> nn.Module:
        """The network that was given, the same object."""
        return self._network

    @property
    def last_targets(self) -> np.ndarray | None:
        """Classes (N, L) int64 that the last call explained, also chosen ones; None before it."""
        return self._last_targets

    @one_at_a_time(ready)
    def __call__(
        self,
        inputs: torch.Tensor,
        targets: Any = None,
        ret: str = "tensor",
        show: bool | None = None,
        *,
        progress: Progress = None,
    ) -> Any:
        """Explains images.

        Args:
            inputs: Tensor (N, C, H, W), floats or integers (used as float32), finite, on the
                network's device.
            targets: Class or classes to explain, each in [0, classes): one for all images, (N,), or
                (N, L) for L maps per image; int, list, tuple, ndarray or Tensor of integers. None:
                the class with the highest score of each image; `last_targets` and the log say
                which.
            ret: 'tensor', or 'image' for a list (N) of lists (L) of RGB PIL images of size W x H.
            show: Display the maps; None displays them in a notebook only.
            progress: None shows a bar in a terminal or notebook when the run takes more than 3
                seconds, True at once, False never; a callable gets (done, total). On a GPU what is
                done has been queued.

        Returns:
            Tensor (N, L, H, W) float32 on the device of `inputs`, or images.

        Raises:
            TypeError: An argument is of the wrong kind.
            ValueError: An argument has the wrong shape, range or device, or the network returns
                scores that are not finite.
            RuntimeError: `inputs` are on a GPU and there is no `libfastxai_cuda.so`; or the
                explainer was called from inside a call.
        """
        if not isinstance(ret, str) or ret not in _RETURNS:
            raise ValueError(f"{self._owner}: `ret` must be one of {_RETURNS}, got {ret!r}.")
        check_progress(self._owner, progress)
        images = to_images(self._owner, inputs)
        given = None if targets is None else to_targets(self._owner, targets, len(images))
        check_device(self._owner, self._network, images)
        size = (images.shape[2], images.shape[3])
        plan = self._plan(images.shape[1], size)
        with (
            in_our_words(self._owner, self._network.modules, tuple(images.shape), TORCH),
            evaluating(self._network, self._activation_fn),
        ):
            self._dtype = self._input_dtype.of(images[0])
            classes = self._top_classes(images) if given is None else given
            self._last_targets = classes
            maps = torch.empty((len(images), classes.shape[1], *size), device=images.device)
            with reporting(progress, len(images) * plan.units, self._unit) as advance:
                for saliency, image, labels in zip(maps, images, classes, strict=True):
                    saliency.copy_(self._explain(image, labels, plan, advance))
        return self._deliver(maps, ret, show)

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @abstractmethod
    def _plan(self, channels: int, size: tuple[int, int]) -> Any:
        """What a call does for each image of this shape; `units` masks or windows."""

    @abstractmethod
    def _explain(
        self, image: torch.Tensor, labels: np.ndarray, plan: Any, advance: Callable[[int], None]
    ) -> torch.Tensor:
        """Maps (L, H, W) of one image (C, H, W) for classes (L,); tells `advance` of its units."""

    def _score(self, batch: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
        """Scores (M, K) of a batch in the network's own dtype and order, their shape checked."""
        batch = batch.to(self._dtype, memory_format=memory_format(self._network))
        output = chosen_output(renewed(self._network, batch), self._output_path)
        scores = class_scores(output, self._activation_fn).float().contiguous()
        check_scores(self._owner, tuple(scores.shape), len(batch), labels)
        if not self._looked:
            self._looked = True
            if isinstance(self._activation_fn, nn.Softmax):
                warn_of_probabilities(self._owner, output.float().cpu().numpy())
        if not self._activation_checked:
            self._check_activation(1 if output.ndim == 1 else output.shape[1], scores.device)
            self._activation_checked = True
        return scores

    def _check_activation(self, classes: int, device: torch.device) -> None:
        def activate(rows: np.ndarray) -> np.ndarray:
            values = class_scores(torch.from_numpy(rows).to(device), self._activation_fn)
            return values.float().cpu().numpy()

        check_rows(self._owner, classes, activate)

    def _top_classes(self, images: torch.Tensor) -> np.ndarray:
        """The class with the highest score of every image, (N, 1)."""
        first = np.zeros(1, np.int64)
        # Copies: a network may return the same memory every time.
        parts = [self._score(image[None].clone(), first).clone() for image in images]
        return top_classes(self._owner, torch.cat(parts).cpu().numpy())

    def _batch_on(self, image: torch.Tensor, count: int) -> torch.Tensor:
        """Memory for `count` copies, as the network takes them; ops write no float64."""
        dtype = torch.float32 if self._dtype == torch.float64 else self._dtype
        shape = (count, *image.shape)
        order = memory_format(self._network)
        return torch.empty(shape, dtype=dtype, device=image.device, memory_format=order)

    def _deliver(self, maps: torch.Tensor, ret: str, show: bool | None) -> Any:
        from fastxai.visual.cv.display import in_notebook, show_images, to_images

        show = in_notebook() if show is None else show
        if ret == "tensor" and not show:
            return maps
        pictures = to_images(maps.cpu().numpy())
        if show:
            show_images(pictures)
        return pictures if ret == "image" else maps
