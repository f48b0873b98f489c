"""Models: files and functions that score a batch of images."""

from __future__ import annotations

import importlib
import logging
import time
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from fastxai.ops.checks import check_int
from fastxai.system.tensors import as_array

Convolutions = tuple[tuple[int, tuple[int, int], tuple[int, int]], ...]

_log = logging.getLogger("fastxai")
# Who makes a model of another framework's networks, by its package. Named, not imported: models
# work without any framework.
_MAKERS = {"torch": ("fastxai.torch.model", "TorchModel")}


class Model(ABC):
    """A model that scores a batch of images, whatever runs it."""

    name: str = "function"  # as an `Explanation` has it
    precision: str = "float32"
    repeatable: ClassVar[bool] = True  # known to give the same scores for the same images
    takes_pixels: bool = False  # raw ones, integers

    def begin(self, images: np.ndarray) -> None:
        """A call of an explainer begins: until the next one the model is taken not to change.

        Args:
            images: (N, C, H, W) float32 that the call is about.
        """
        return

    @property
    def convolutions(self) -> Convolutions:
        """Input channels, kernel and stride of each convolution, as far as they are known."""
        return ()

    @abstractmethod
    def __call__(self, batch: np.ndarray) -> Any:
        """Outputs for a batch.

        Args:
            batch: (M, C, H, W) float32.

        Returns:
            An array (M, ...), or a dict, tuple or list of those.
        """

    @abstractmethod
    def identity(self) -> str:
        """A text that differs where the scores do.

        Raises:
            ValueError: It is not known.
        """


class Callable(Model):
    """A function as a model: slow, remote or one that fails at times.

    Args:
        function: From a batch (M, C, H, W) float32 to scores (M, classes) or (M, ...): an array or
            what `numpy.asarray` makes one of, or a dict or tuple of those.
        retries: Times that a batch is tried again after an exception; each is logged.
        wait: Seconds before the first retry; every further one waits twice as long.
        batch_size: Images that the function takes at a time, at most; None: any number.
        identity: Name and version of what the function computes, such as 'fraud model 12'. State
            files keep it and refuse to go on with another one. Give a new one when the weights
            change. None: the function's attribute `identity`, if it has one; else neither `state=`
            nor data sets can be had.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> import numpy as np
        >>> from fastxai.models import Callable, RISE
        >>> model = Callable(lambda batch: batch.mean(axis=(2, 3)), retries=3)
        >>> rise = RISE(model, None, num_masks=64, seed=0)
        >>> rise(np.ones((1, 3, 16, 16), np.float32), 2).shape
        (1, 1, 16, 16)
    """

    repeatable = False

    def __init__(
        self,
        function: Any,
        *,
        retries: int = 0,
        wait: float = 1.0,
        batch_size: int | None = None,
        identity: str | None = None,
    ) -> None:
        if not callable(function) or isinstance(function, type):
            kind = type(function).__name__
            raise TypeError(f"Callable: `function` must be a function of a batch, got {kind}.")
        if not isinstance(wait, (int, float)) or isinstance(wait, bool):
            raise TypeError(f"Callable: `wait` must be a number, got {type(wait).__name__}.")
        if not 0 <= wait < float("inf"):
            raise ValueError(f"Callable: `wait` must be 0 or more seconds, got {wait}.")
        if identity is None:
            own = getattr(function, "identity", None)
            identity = own if isinstance(own, str) else None
        if identity is not None and not isinstance(identity, str):
            kind = type(identity).__name__
            raise TypeError(f"Callable: `identity` must be a str or None, got {kind}.")
        self._function = function
        self._retries = check_int("Callable", "retries", retries, 0, 2**31 - 1)
        self._wait = float(wait)
        self._batch_size = (
            None
            if batch_size is None
            else check_int("Callable", "batch_size", batch_size, 1, 2**31 - 1)
        )
        self._identity = identity

    def __call__(self, batch: np.ndarray) -> Any:
        """Outputs for a batch, as the function returns them."""
        size = self._batch_size
        if size is None or len(batch) <= size:
            return self._tried(batch)
        return joined([self._tried(batch[k : k + size]) for k in range(0, len(batch), size)])

    def _tried(self, batch: np.ndarray) -> Any:
        for attempt in range(self._retries):
            try:
                return self._function(batch.copy())  # it may write into it before it fails
            except Exception as error:
                pause = self._wait * 2**attempt
                _log.warning(
                    "Callable: the function failed (%s: %s); retry %d of %d in %g s.",
                    *(type(error).__name__, error, attempt + 1, self._retries, pause),
                )
                time.sleep(pause)
        return self._function(batch)

    def identity(self) -> str:
        """The text that was given.

        Raises:
            ValueError: None was.
        """
        if self._identity is None:
            raise ValueError(
                "`state` and data sets need to know which function made the scores: give it a name "
                "that changes when its weights do, function.identity = 'name and version' or "
                "fastxai.models.Callable(function, identity='name and version')."
            )
        return self._identity


def joined(parts: list[Any]) -> Any:
    """Outputs of consecutive parts of a batch as those of the whole."""
    first = parts[0]
    if isinstance(first, dict):
        return {key: joined([part[key] for part in parts]) for key in first}
    if isinstance(first, tuple):
        return tuple(joined(list(each)) for each in zip(*parts, strict=True))
    return np.concatenate([as_array(part) for part in parts])


def as_model(owner: str, network: Any) -> Model:
    """The model that a caller's `network` stands for; PyTorch scores one of PyTorch.

    Raises:
        TypeError: It is no model, no function and no network of PyTorch.
    """
    if isinstance(network, Model):
        return network
    kind = type(network)
    maker = maker_of(network)
    if maker is not None:
        return maker(network, engine="torch")
    if isinstance(network, type) or not callable(network):
        name = f"the class {network.__name__}" if isinstance(network, type) else kind.__name__
        raise TypeError(
            f"{owner}: `network` must be a model (fastxai.load) or a function of a batch "
            f"(M, C, H, W), got {name}."
        )
    return Callable(network)


def maker_of(network: Any) -> Any:
    """The class of models of networks like this one; None for what is no framework's network."""
    for base in type(network).__mro__:
        package = base.__module__.partition(".")[0]
        if base.__name__ == "Module" and package in _MAKERS:
            module, name = _MAKERS[package]
            return getattr(importlib.import_module(module), name)
    return None
