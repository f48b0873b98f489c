"""Everything that the maps of a call depend on, as far as another process can compare it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai._version import __version__
from fastxai.network.digest import network_digest
from fastxai.ops import has_native


def facts_of(
    images: np.ndarray, targets: np.ndarray, cells: Sequence[nn.Cell], settings: dict[str, Any]
) -> dict[str, Any]:
    """The facts, as kinds that JSON has.

    Args:
        images: (N, C, H, W) float32.
        targets: (N, L) int64.
        cells: All that is run.
        settings: What the explainer was asked for.
    """
    return {
        "images": _digest(images),
        "targets": _digest(targets),
        "network": network_digest(cells),
        "fastxai": __version__,
        "MindSpore": ms.__version__,
        "mode": "GRAPH" if ms.get_context("mode") == ms.GRAPH_MODE else "PYNATIVE",
        "device": ms.get_context("device_target"),
        "native kernels": has_native(),
        **settings,
    }


def _digest(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
