"""Tensors of frameworks that need not be installed."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A Tensor of MindSpore or PyTorch as an array on the host; anything else as it is.

    PyTorch's halves become float32, as NumPy lacks one of them.
    """
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "asnumpy"):
        return value.asnumpy()
    if not hasattr(value, "detach"):
        return value
    tensor = value.detach().cpu()
    half = tensor.is_floating_point() and tensor.element_size() < 4
    return (tensor.float() if half else tensor).numpy()
