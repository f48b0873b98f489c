"""Everything that the maps of a call depend on, as far as another process can compare it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai._version import __version__
from fastxai.ops import has_native

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


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


def network_digest(cells: Sequence[nn.Cell]) -> str:
    """SHA-256 of the kinds of all cells, of what MindSpore's own say of themselves, and of weights.

    Names do not count, nor what other Python objects hold.
    """
    digest = hashlib.sha256()
    for cell in cells:
        for _, part in cell.cells_and_names():
            kind = type(part)
            digest.update(f"{kind.__module__}.{kind.__qualname__}\n".encode())
            if kind.__module__.startswith("mindspore."):
                digest.update(_ADDRESS.sub("", part.extend_repr()).encode())
        for parameter in cell.get_parameters():
            digest.update(f"{parameter.dtype}{parameter.shape}\n".encode())
            held = parameter.astype(ms.float32) if parameter.dtype == ms.bfloat16 else parameter
            digest.update(np.ascontiguousarray(held.asnumpy()).data)
    return digest.hexdigest()


def _digest(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
