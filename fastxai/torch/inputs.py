"""Images as users of PyTorch give them."""

from __future__ import annotations

from typing import Any

import torch

from fastxai.arguments.hints import TORCH, wrong_kind, wrong_shape
from fastxai.arguments.plausibility import warn_of_inputs


def to_images(owner: str, inputs: Any) -> torch.Tensor:
    """The images as contiguous float32 (N, C, H, W) on their device, detached.

    Raises:
        TypeError: `inputs` is not a numeric Tensor.
        ValueError: It is on another kind of device than a CPU or CUDA GPU, not 4-D, holds no image
            or no pixel, or a value that is not finite as float32.

    Warns:
        UserWarning: Its values look like raw pixels, or like pixels normalised twice.
    """
    if not isinstance(inputs, torch.Tensor):
        raise wrong_kind(owner, inputs, TORCH)
    if inputs.dtype == torch.bool or inputs.is_complex():
        raise TypeError(f"{owner}: `inputs` must hold floats or integers, got {inputs.dtype}.")
    if inputs.device.type not in ("cpu", "cuda"):
        place = inputs.device
        raise ValueError(f"{owner}: `inputs` must be on the CPU or a CUDA GPU, not on {place}.")
    if inputs.ndim != 4 or 0 in inputs.shape:
        raise wrong_shape(owner, tuple(inputs.shape), TORCH)
    images = inputs.detach().to(torch.float32).contiguous()
    if not bool(torch.isfinite(images).all()):
        raise ValueError(f"{owner}: `inputs` must be finite, as float32 too.")
    low, high = torch.aminmax(images.flatten(2), dim=2)
    warn_of_inputs(owner, low.cpu().numpy(), high.cpu().numpy())
    return images
