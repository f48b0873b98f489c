"""Replacements of perturbed pixels, under mindspore_xai's names.

fastxai's own explainers and benchmarks do not build such arrays; scripts that do can import these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

__all__ = ["Constant", "GaussianBlur", "RandomPerturb"]


class BaseReplacement(ABC):
    """An array for each array of images.

    Args:
        **kwargs: The replacement's settings, by name; others are ignored.

    Raises:
        ValueError: A setting without a default is missing.
    """

    _settings: ClassVar[dict[str, Any]] = {}  # name: default; None must be given

    def __init__(self, **kwargs: Any) -> None:
        self._values = {name: kwargs.get(name, value) for name, value in self._settings.items()}
        missing = [name for name, value in self._values.items() if value is None]
        if missing:
            raise ValueError(f"{type(self).__name__}: `{missing[0]}` must be given.")

    @abstractmethod
    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """The replacement, in the shape of the inputs."""


class Constant(BaseReplacement):
    """One value everywhere, float32.

    Args:
        base_value: The value.
    """

    _settings: ClassVar[dict[str, Any]] = {"base_value": None}

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return np.full(inputs.shape, self._values["base_value"], np.float32)


class GaussianBlur(BaseReplacement):
    """The inputs blurred along all axes, channels and images too, as in mindspore_xai.

    Args:
        sigma: Standard deviation in pixels.
    """

    _settings: ClassVar[dict[str, Any]] = {"sigma": 0.7}

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        from scipy.ndimage import gaussian_filter  # comes with MindSpore

        return gaussian_filter(inputs, sigma=self._values["sigma"])


class RandomPerturb(BaseReplacement):
    """The inputs plus uniform noise from NumPy's global generator, float64.

    Args:
        radius: The noise lies in [-radius, radius).
    """

    _settings: ClassVar[dict[str, Any]] = {"radius": 0.2}

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return inputs + (2.0 * np.random.random(inputs.shape) - 1.0) * self._values["radius"]
