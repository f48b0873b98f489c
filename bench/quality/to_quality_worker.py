"""Contenders of bench/to_quality.py: RISE by fastxai and by mindspore_xai, a picture a turn."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.processes import serve


class Explaining:
    """A library as a user calls it."""

    def __init__(self, options: argparse.Namespace) -> None:
        import mindspore as ms
        from mindspore import nn

        if options.library == "fastxai":
            import fastxai  # noqa: F401  before any primitive
        from bench.quality.digits import network_of

        self._folder = Path(options.folder)
        with np.load(self._folder / "cases.npz") as found:
            self._images = [ms.Tensor(image[None]) for image in found["images"]]
            self._labels = found["labels"].tolist()
        self._options, self._picture = options, 0
        cells = (network_of(options.network), nn.Softmax())
        self._rises: list[Any]
        if options.library == "fastxai":
            from fastxai.explainer import RISE

            self._rises = [
                RISE(*cells, "auto", num_masks=number, design="oa128", seed=number)
                for number in options.masks
            ]
        else:
            from mindspore_xai.explainer import RISE

            self._rises = [RISE(*cells) for _ in options.masks]
            for rise, number in zip(self._rises, options.masks, strict=True):
                rise._num_masks = number

    def ready(self) -> dict[str, Any]:
        """Sets up: first explanations, by mindspore_xai of few masks."""
        begun, engine = time.perf_counter(), "mindspore"
        for rise, number in zip(self._rises, self._options.masks, strict=True):
            if self._options.library == "fastxai":
                rise(self._images[0], self._labels[0], progress=False)
                engine = rise.engine.engine
            else:
                rise._num_masks = min(32, number)
                rise(self._images[0], self._labels[0])
                rise._num_masks = number
            if rise is self._rises[0]:
                setup_s = time.perf_counter() - begun
        return {"setup_s": setup_s, "engine": engine}

    def run(self) -> dict[str, Any]:
        """The maps of the next picture, one for each number of masks."""
        own = {"progress": False} if self._options.library == "fastxai" else {}
        count = len(self._rises)
        seconds = [0.0] * count
        for turn in range(count):
            place = (self._picture + turn) % count  # each comes first equally often
            start = time.perf_counter()
            saliency = self._rises[place](
                self._images[self._picture], self._labels[self._picture], **own
            ).asnumpy()
            seconds[place] = time.perf_counter() - start
            name = f"{self._options.library}-{self._options.masks[place]}-{self._picture}.npy"
            np.save(self._folder / name, saliency[0, 0])
        self._picture += 1
        return {"seconds": seconds}


if __name__ == "__main__":
    serve(Explaining)
