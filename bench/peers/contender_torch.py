"""Contenders of bench/peers/libraries.py on PyTorch: a plain RISE, and Captum's Occlusion.

The network is bench/common/resnet50.py's in PyTorch's words, with the weights that MindSpore drew.
"""

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

_TARGET_CLASS = 7
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
_NAMES = {"gamma": "weight", "beta": "bias"}
_AVERAGES = {"moving_mean": "running_mean", "moving_variance": "running_var"}
_GRID, _SHIFTS = 10, 11  # coarse cells per axis; shifts of 0..10 pixels


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """As in bench/common/resnet50.py."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.reduce = _convolution(inputs, width, 1)
        self.middle = _convolution(width, width, 3, stride)
        self.expand = _convolution(width, outputs, 1)
        changes = stride != 1 or inputs != outputs
        self.shortcut = _convolution(inputs, outputs, 1, stride) if changes else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, inputs, H, W) to (M, 4 width, H / stride, W / stride)."""
        branch = functional.relu(self.reduce(x))
        branch = functional.relu(self.middle(branch))
        return functional.relu(self.expand(branch) + self.shortcut(x))


class ResNet50(nn.Module):
    """Images (M, 3, H, W) to probabilities (M, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 64, 7, 2))
        blocks: list[nn.Module] = []
        channels = 64
        for stage, (width, depth) in enumerate(_STAGES):
            for block in range(depth):
                blocks.append(Bottleneck(channels, width, 2 if stage > 0 and block == 0 else 1))
                channels = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.classify = nn.Linear(channels, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of images."""
        x = functional.relu(self.stem(x))
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)  # what 'same' pads
        return functional.softmax(self.classify(self.blocks(x).mean(dim=(2, 3))), dim=1)


def load_network(folder: Path) -> ResNet50:
    """The network with the weights of weights.npz."""
    network = ResNet50()
    state = {}
    with np.load(folder / "weights.npz") as weights:
        for name, values in weights.items():
            stem, _, last = name.rpartition(".")
            last = {**_NAMES, **_AVERAGES}.get(last, last)
            state[f"{stem}.{last}"] = torch.from_numpy(values)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise RuntimeError(f"weights that do not fit: {missing}, {unexpected}")
    return network.eval()


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
