"""Images as users of arrays give them."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from fastxai.arguments.hints import NUMPY, warn_of_channels_last, wrong_kind, wrong_shape
from fastxai.arguments.plausibility import warn_of_inputs, warn_of_rounded_inputs
from fastxai.system.tensors import host_array


def to_images(owner: str, inputs: Any, raw: bool) -> np.ndarray:
    """The images as contiguous float32 (N, C, H, W).

    Args:
        owner: Name for messages.
        inputs: (N, C, H, W) of numbers.
        raw: Whether raw pixels are what the network takes.

    Raises:
        TypeError: `inputs` is no numeric array or Tensor.
        ValueError: It is not 4-D, holds no image or no pixel, or a value that is not finite as
            float32.

    Warns:
        UserWarning: Its values look like pixels normalised twice, or like raw pixels where those
            are not taken, or the other way round; or its axes look like N, H, W, C.
    """
    array = host_array(inputs)
    if not isinstance(array, np.ndarray):
        raise wrong_kind(owner, inputs, NUMPY)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: `inputs` must hold floats or integers, got {array.dtype}.")
    if array.ndim != 4 or 0 in array.shape:
        raise wrong_shape(owner, array.shape, NUMPY)
    warn_of_channels_last(owner, array.shape, NUMPY)
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(images).all():
        raise ValueError(f"{owner}: `inputs` must be finite, as float32 too.")
    if raw:
        warn_of_rounded_inputs(owner, images)
    else:
        warn_of_inputs(owner, images.min(axis=(2, 3)), images.max(axis=(2, 3)))
    return images


def like(given: Any, maps: np.ndarray) -> Any:
    """Maps as an array, or as a Tensor of the framework whose Tensor was given."""
    framework = sys.modules.get(type(given).__module__.partition(".")[0])
    if hasattr(given, "asnumpy"):
        return framework.Tensor(maps)  # type: ignore[union-attr]
    if hasattr(given, "detach"):
        return framework.from_numpy(maps).to(given.device)  # type: ignore[union-attr]
    return maps
