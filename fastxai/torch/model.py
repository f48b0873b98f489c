"""A PyTorch network as a model: `fastxai.load(network)` runs it by OpenVINO where that agrees."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from fastxai.arguments.plausibility import do_not_move
from fastxai.engine import settings
from fastxai.engine.agreement import (
    CHECKED_ROWS,
    TOLERANCE,
    batches_to_compare,
    relative_error,
)
from fastxai.engine.protocol import Unusable
from fastxai.models.model import Model
from fastxai.models.openvino_network import OpenVinoNetwork
from fastxai.system.first_line import first_line
from fastxai.system.tensors import host_array
from fastxai.torch.digest import network_digest
from fastxai.torch.export import exported, leaves, with_leaves
from fastxai.torch.networks import (
    InputDtype,
    convolutions_of,
    evaluating,
    memory_format,
    ready,
    renewed,
)

ENGINES = ("auto", "openvino", "torch")

_log = logging.getLogger("fastxai")


class TorchModel(Model):
    """A network of PyTorch; `fastxai.load` makes it and says what the arguments are.

    Attributes:
        name: 'openvino' or 'torch', what scores since the last call of an explainer.
        reason: Why that, in words.
        error: Relative error of OpenVINO's outputs against PyTorch's; None for PyTorch itself.
    """

    engines = ENGINES  # that `engine` may name

    def __init__(self, network: nn.Module, *, engine: str = "auto", threads: int = 0) -> None:
        settings.check_choice("load", "engine", engine, ENGINES)
        if engine == "openvino" and settings.version_of("openvino") is None:
            raise ImportError(
                f"load: openvino cannot be imported: {settings.how_to_install('openvino')}."
            )
        self._network = network
        self._engine, self._threads = engine, threads
        self._input_dtype = InputDtype(network)
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        self.name, self.reason = "torch", "" if self._engine == "auto" else "it was asked for"
        self.error: float | None = None
        self._made_for: tuple[str, tuple[int, ...]] | None = None  # digest, (C, H, W)
        self._compiled: OpenVinoNetwork | None = None
        self._form: Any = None  # outputs as the network returns them

    def __getstate__(self) -> dict[str, Any]:
        return {"network": self._network, "engine": self._engine, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        """The network's class and the engine that was asked for."""
        return f"TorchModel({type(self._network).__name__}, engine={self._engine!r})"

    @property
    def network(self) -> nn.Module:
        """The network that was given, the same object."""
        return self._network

    @property
    def convolutions(self) -> tuple[Any, ...]:
        """Input channels, kernel and stride of each convolution of images."""
        return convolutions_of(self._network)

    def identity(self) -> str:
        """SHA-256 of its classes, settings and weights."""
        return network_digest(self._network)

    def version(self) -> str:
        """The engine with its version."""
        if self.name == "openvino":
            return f"OpenVINO {settings.version_of('openvino')}"
        return f"PyTorch {torch.__version__} on {self._device.type}"

    def begin(self, images: np.ndarray) -> None:
        """Looks whether the network has changed since, and for which images it is.

        Raises:
            RuntimeError: OpenVINO was asked for and cannot score this network.
        """
        if self._engine == "torch":
            return
        with self._lock:
            made_for = network_digest(self._network), images.shape[1:]
            if made_for != self._made_for:
                self._choose(images)
                self._made_for = made_for

    def __call__(self, batch: np.ndarray) -> Any:
        """Outputs for a batch (M, C, H, W) float32 in the form that the network returns."""
        if self._engine == "torch":
            return self._by_torch(batch)
        with self._lock:
            if self._made_for is None or self._made_for[1] != batch.shape[1:]:
                self.begin(batch)
            if self._compiled is None:
                return self._by_torch(batch)
            return with_leaves(self._form, self._compiled.run(np.ascontiguousarray(batch)))

    @property
    def _device(self) -> torch.device:
        return next((p.device for p in self._network.parameters()), torch.device("cpu"))

    def _by_torch(self, batch: np.ndarray) -> Any:
        network = self._network
        with ready("load"), evaluating(network):
            images = torch.from_numpy(batch).to(self._device)
            dtype = self._input_dtype.of(images[0])
            self.precision = str(dtype).removeprefix("torch.")
            images = images.to(dtype, memory_format=memory_format(network))
            return _arrays(renewed(network, images))

    def _choose(self, images: np.ndarray) -> None:
        """Makes an engine for these images, or notes why there is none."""
        self._forget()
        try:
            self._compiled, self._form, self.error = self._checked(images)
        except Unusable as unusable:
            self.reason = unusable.reason
            if self._engine == "openvino":
                raise RuntimeError(
                    f"load: 'openvino' cannot score this network: {self.reason}."
                ) from unusable
            _log.warning("load: scored by PyTorch: %s.", self.reason)
            return
        self.name, self.precision = "openvino", "float32"
        self.reason = f"it agrees with PyTorch to {self.error:.1e}"
        _log.info("load: scored by OpenVINO (float32): %s.", self.reason)

    def _checked(self, images: np.ndarray) -> tuple[OpenVinoNetwork, Any, float]:
        """The compiled network, the form of its outputs, and its error on copies of an image.

        Raises:
            Unusable: It cannot be had, or returns other outputs than PyTorch.
        """
        self._check_kind(images)
        for rows in batches_to_compare(_copies(images[0])):
            expected = self._by_torch(rows.copy())
            wanted = [_rows(each) for each in leaves(expected)]
            if not all(do_not_move(each) for each in wanted):
                break
        else:
            if self._engine == "auto":
                raise Unusable("its outputs do not move from image to image, and so show nothing")
        with ready("load"), evaluating(self._network):
            compiled = OpenVinoNetwork(exported(self._network, rows), self._threads, fixed=False)
        error = 0.0
        for count in (CHECKED_ROWS, 1):  # single images too: what is exported may depend on it
            try:
                found = compiled.run(np.ascontiguousarray(rows[:count]))
            except Exception as problem:  # what its bindings make of its errors
                raise Unusable(f"OpenVINO cannot run it: {first_line(problem)}") from problem
            error = max(error, _error(found, [each[:count] for each in wanted]))
        return compiled, expected, error

    def _check_kind(self, images: np.ndarray) -> None:
        if settings.version_of("openvino") is None:
            raise Unusable(
                "OpenVINO, which is often faster on a CPU, is not installed: "
                f"{settings.how_to_install('openvino')}"
            )
        if self._device.type != "cpu":
            raise Unusable(f"the network is on {self._device}, and OpenVINO scores on the CPU")
        dtype = self._input_dtype.of(torch.from_numpy(images[0]))
        if dtype != torch.float32:
            raise Unusable(f"the network computes in {str(dtype).removeprefix('torch.')}")


def _copies(image: np.ndarray) -> np.ndarray:
    """Copies of an image to compare outputs on, each shifted and covered further than the last."""
    rows, width = np.repeat(image[None], CHECKED_ROWS, axis=0), image.shape[-1]
    for number, row in enumerate(rows):
        row[...] = np.roll(row, number * width // CHECKED_ROWS, axis=-1)
        row[..., : number * width // (2 * CHECKED_ROWS)] = 0.0
    return rows


def _error(found: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """Largest relative error of several outputs.

    Raises:
        Unusable: It is above the tolerance, or shapes differ.
    """
    shapes = [array.reshape(len(array), -1).shape for array in found]
    if shapes != [array.shape for array in wanted]:
        raise Unusable("OpenVINO returns outputs of other shapes than PyTorch")
    pairs = zip(found, wanted, strict=True)
    error = max(relative_error(array.reshape(want.shape), want) for array, want in pairs)
    limit = TOLERANCE["float32"]
    if not error <= limit:
        raise Unusable(
            f"OpenVINO's outputs differ from PyTorch's by {error:.1e} of the largest, more than "
            f"{limit:g}"
        )
    return error


def _rows(output: np.ndarray) -> np.ndarray:
    """An output of the compared images as rows.

    Raises:
        Unusable: It has none, or is not finite.
    """
    if output.ndim == 0 or len(output) != CHECKED_ROWS or output.size == 0:
        raise Unusable("it does not return an entry for each image")
    if not np.isfinite(output).all():
        raise Unusable("its own outputs of the first images are not finite")
    return output.reshape(CHECKED_ROWS, -1)


def _arrays(output: Any) -> Any:
    """What a network returned, with arrays for Tensors."""
    if isinstance(output, Mapping):
        return {key: _arrays(each) for key, each in output.items()}
    if isinstance(output, (tuple, list)):
        return tuple(_arrays(each) for each in output)
    return host_array(output)
