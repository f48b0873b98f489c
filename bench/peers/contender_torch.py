"""Contenders of bench/peers/libraries.py on PyTorch: a plain RISE, and Captum's Occlusion."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
from torch import nn
from torch.nn import functional

from bench.common.processes import serve
from bench.peers.torch_networks import load_network

_TARGET_CLASS = 7
_GRID, _SHIFTS = 10, 11  # coarse cells per axis; shifts of 0..10 pixels


def plain_rise(network: nn.Module, image: torch.Tensor, masks: int, batch: int) -> torch.Tensor:
    """RISE as one writes it down in PyTorch: the mean of score times mask, (H, W)."""
    height, width = image.shape[-2:]
    larger = (height + _SHIFTS - 1, width + _SHIFTS - 1)
    saliency = torch.zeros(height, width)
    for first in range(0, masks, batch):
        count = min(batch, masks - first)
        cells = (torch.rand(count, 1, _GRID, _GRID) < 0.5).float()
        grown = functional.interpolate(cells, larger, mode="bilinear", align_corners=False)
        places = torch.randint(0, _SHIFTS, (count, 2)).tolist()
        chosen = torch.stack(
            [grown[m, :, y : y + height, x : x + width] for m, (y, x) in enumerate(places)]
        )
        scores = network(image * chosen)[:, _TARGET_CLASS]
        saliency += torch.einsum("m,mhw->hw", scores, chosen[:, 0])
    return saliency / masks


class TorchRuns:
    """A plain RISE, or Captum's Occlusion."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._network = load_network(Path(options.folder))
        self._image = torch.from_numpy(np.load(Path(options.folder) / "image.npy"))

    def ready(self) -> dict[str, Any]:
        """Scores a first batch."""
        batch = self._image.expand(self._options.batch, -1, -1, -1).contiguous()
        begun = time.perf_counter()
        with torch.inference_mode():
            scores = self._network(batch)[0]
        return {
            "setup_s": time.perf_counter() - begun,
            "scores": scores.tolist(),
            "versions": {name: version(name) for name in ("torch", "captum")},
        }

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        start = time.perf_counter()
        with torch.inference_mode():
            saliency = (self._rise if self._options.explainer == "rise" else self._occlusion)()
        seconds = time.perf_counter() - start
        np.save(self._options.map, saliency.numpy())
        return {"seconds": seconds}

    def _rise(self) -> torch.Tensor:
        return plain_rise(self._network, self._image, self._options.images, self._options.batch)

    def _occlusion(self) -> torch.Tensor:
        from captum.attr import Occlusion  # type: ignore[import-not-found]

        window = (3, self._options.window, self._options.window)
        return Occlusion(self._network).attribute(
            self._image,
            window,
            strides=window,
            baselines=0,
            target=_TARGET_CLASS,
            perturbations_per_eval=self._options.batch,
        )[0, 0]


if __name__ == "__main__":
    serve(TorchRuns)
