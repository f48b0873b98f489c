"""Backend of perturbation explainers for networks of PyTorch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from fastxai.arguments.hints import TORCH, in_our_words
from fastxai.arguments.plausibility import warn_of_probabilities
from fastxai.arguments.scores import check_rows
from fastxai.arguments.targets import check_scores
from fastxai.perturbation.backend import Backend, ScoredBy
from fastxai.perturbation.batches import even_batch
from fastxai.perturbation.explainer import array_digest
from fastxai.perturbation.plan import Plan
from fastxai.perturbation.step import HostBatches, HostStep, Step, Task
from fastxai.scores.chosen import checked_outputs
from fastxai.torch.inputs import to_images
from fastxai.torch.networks import (
    InputDtype,
    activated,
    check_device,
    chosen_output,
    class_scores,
    convolutions_of,
    evaluating,
    memory_format,
    ready,
    renewed,
)


class TorchBackend(Backend):
    """Scores by PyTorch where the network is: on the CPU, or all on a GPU.

    Args:
        owner, output, score: As of `Backend`.
        network: The classifier.
        activation: Function of rows of scores.
    """

    def __init__(
        self,
        owner: str,
        network: nn.Module,
        activation: Callable[[torch.Tensor], torch.Tensor],
        output: tuple[int | str, ...],
        score: Any = None,
    ) -> None:
        super().__init__(owner, output, score)
        self._network = network
        self._activation = activation
        self._input_dtype = InputDtype(network)
        self._dtype = torch.float32  # for the images of a call
        self._device = torch.device("cpu")  # of the images of a call
        self._activation_checked = False
        self._looked = False  # at outputs of the network

    def ready(self) -> AbstractContextManager[None]:
        """A call may run in this process."""
        return ready(self.owner)

    def images(self, inputs: Any) -> torch.Tensor:
        """The images as float32 (N, C, H, W) on the network's device."""
        images = to_images(self.owner, inputs)
        check_device(self.owner, self._network, images)
        return images

    @contextmanager
    def scoring(self, images: torch.Tensor) -> Iterator[None]:
        """The network is evaluated in here, without gradients; its errors are in our words."""
        with (
            in_our_words(self.owner, self._network.modules, tuple(images.shape), TORCH),
            evaluating(self._network, self._activation),
        ):
            self._device = images.device
            self._dtype = self._input_dtype.of(images[0])
            yield

    def class_scores(self, images: torch.Tensor) -> np.ndarray:
        """The activated scores of every image, (N, K); with `score` that, (N, T)."""
        first = np.zeros(1, np.int64)
        # Copies: a network may return the same memory every time.
        parts = [self._score(image[None].clone(), first).clone() for image in images]
        return torch.cat(parts).cpu().numpy()

    def batch(self, image: torch.Tensor, plan: Plan, most: int | str) -> int:
        """Copies of an image to score at a time."""
        return even_batch(plan.rule.segment, int(most))

    def convolutions(self) -> tuple[Any, ...]:
        """Input channels, kernel and stride of each one of the network."""
        return convolutions_of(self._network)

    def step(self, task: Task) -> Step:
        """What scores the batches of an image.

        Raises:
            RuntimeError: The image is on a GPU, and there are no CUDA kernels.
        """
        score = functools.partial(self._score, labels=task.labels)
        if on_gpu(task.image) and not task.plan.on_host:
            from fastxai.torch.cuda_step import cuda_step

            return cuda_step(task, score, self._memory(task))
        host, device = dataclasses.replace(task, image=task.image.cpu().numpy()), self._device

        def scores(copies: np.ndarray) -> np.ndarray:
            return score(torch.from_numpy(copies).to(device)).cpu().numpy()

        batches = HostBatches(host, scores)
        return HostStep(host, task.plan.tally(len(task.labels)), batches)

    def _memory(self, task: Task) -> torch.Tensor:
        """Memory for a batch on the device, as the network takes it; ops write no float64."""
        dtype = torch.float32 if self._dtype == torch.float64 else self._dtype
        order = memory_format(self._network)
        return torch.empty(task.shape, dtype=dtype, device=self._device, memory_format=order)

    def _score(self, batch: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
        """Scores (M, K) of a batch in the network's own dtype and order, their shape checked."""
        batch = batch.to(self._dtype, memory_format=memory_format(self._network))
        output = chosen_output(renewed(self._network, batch), self._output)
        if self._chosen is None:
            scores = class_scores(output, self._activation).float().contiguous()
        else:  # a function of arrays: on a GPU every batch waits for it
            whole = activated(output, self._activation).float().cpu().numpy()
            outputs = checked_outputs(self.owner, whole, len(batch))
            scores = torch.from_numpy(self._chosen(outputs)).to(batch.device)
        check_scores(self.owner, tuple(scores.shape), len(batch), labels)
        if not self._looked:
            self._looked = True
            if isinstance(self._activation, nn.Softmax):
                warn_of_probabilities(self.owner, output.float().cpu().numpy())
        if not self._activation_checked:
            self._check_activation(1 if output.ndim == 1 else output.shape[1], scores.device)
            self._activation_checked = True
        return scores

    def _check_activation(self, classes: int, device: torch.device) -> None:
        def activate(rows: np.ndarray) -> np.ndarray:
            values = class_scores(torch.from_numpy(rows).to(device), self._activation)
            return values.float().cpu().numpy()

        check_rows(self.owner, classes, activate)

    @property
    def scored_by(self) -> ScoredBy:
        """PyTorch, its version, device and dtype."""
        precision = str(self._dtype).removeprefix("torch.")
        where = f"PyTorch {torch.__version__} on {_name_of(self._device)}"
        return ScoredBy("torch", precision, f"{where} in {precision}")

    def identity(self, images: torch.Tensor) -> dict[str, Any]:
        """What the scores depend on, in kinds that JSON has."""
        from fastxai.torch.digest import network_digest

        chosen = {} if self._chosen is None else {"score": self._chosen.identity}
        return {
            **chosen,
            "images": array_digest(images.cpu().numpy()),
            "network": network_digest(self._network, self._activation),
            "PyTorch": str(torch.__version__),
            "device": _name_of(self._device),
            "dtype": str(self._dtype),
            "autocast": self._product_dtype(),
            "float32 products": torch.get_float32_matmul_precision(),
            "output": self._output,
        }

    def _product_dtype(self) -> str:
        """The dtype of a product of float32 matrices, which `torch.autocast` changes."""
        one = torch.ones((1, 1), device=self._device)
        return str((one @ one).dtype)

    def tensor(self, maps: np.ndarray, images: torch.Tensor) -> torch.Tensor:
        """Maps (N, L, H, W) float32 as a Tensor on the device of the images."""
        return torch.from_numpy(maps).to(images.device)


def on_gpu(image: torch.Tensor) -> bool:
    """Whether copies of an image are made, and scores added, in a GPU's memory."""
    return image.device.type == "cuda"


def _name_of(device: torch.device) -> str:
    """A device so that equal names compute equal scores."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
