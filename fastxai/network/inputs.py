"""Images as users of MindSpore give them, checked, in one form for every explainer."""

from __future__ import annotations

from typing import Any

import mindspore as ms
import numpy as np

from fastxai.arguments.hints import MINDSPORE, wrong_kind, wrong_shape
from fastxai.arguments.plausibility import warn_of_inputs
from fastxai.network.evaluation import running


def to_images(owner: str, inputs: Any) -> np.ndarray:
    """The images as float32.

    Args:
        owner: Name for messages.
        inputs: Tensor (N, C, H, W) of floats or integers, N at least 1.

    Returns:
        (N, C, H, W) contiguous float32.

    Raises:
        TypeError: `inputs` is not a numeric Tensor.
        ValueError: It is not 4-D, holds no image or no pixel, or a value that is not finite or not
            within float32's range.

    Warns:
        UserWarning: Its values look like raw pixels, or like pixels normalised twice.
    """
    if not isinstance(inputs, ms.Tensor):
        raise wrong_kind(owner, inputs, MINDSPORE)
    with running(owner):
        if inputs.dtype == ms.bfloat16:
            inputs = inputs.astype(ms.float32)
        array = inputs.asnumpy()
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{owner}: `inputs` must hold floats or integers, got {inputs.dtype}.")
    if array.ndim != 4 or 0 in array.shape:
        raise wrong_shape(owner, array.shape, MINDSPORE)
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(k) for k in np.argwhere(~finite)[0])
        raise ValueError(f"{owner}: `inputs` must be finite, got {array[where]} at {where}.")
    with np.errstate(over="ignore"):
        images = np.ascontiguousarray(array, dtype=np.float32)
    if array.dtype == np.float64 and not np.isfinite(images).all():
        largest = np.abs(array).max()
        raise ValueError(f"{owner}: `inputs` must be within float32's range, got {largest}.")
    warn_of_inputs(owner, images.min(axis=(2, 3)), images.max(axis=(2, 3)))
    return images
