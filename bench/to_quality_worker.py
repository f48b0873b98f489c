"""Contenders of bench/to_quality.py: RISE by fastxai and by mindspore_xai, a picture a turn."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.turns import serve


class Explaining:
    """A library as a user calls it."""

    def __init__(self, options: argparse.Namespace) -> None:
        import mindspore as ms
        from mindspore import nn

        if options.library == "fastxai":
            import fastxai  # noqa: F401  before any primitive
        from bench.digits import network_of

        with np.load(options.folder / "cases.npz") as found:
            self._images = [ms.Tensor(image[None]) for image in found["images"]]
            self._labels = found["labels"].tolist()
        self._options, self._picture = options, 0
        cells = (network_of(options.network), nn.Softmax())
        if options.library == "fastxai":
            from fastxai.explainer import RISE

            self._rise: Any = RISE(
                *cells, "auto", num_masks=options.masks, design="oa128", seed=options.masks
            )
        else:
            from mindspore_xai.explainer import RISE

            self._rise = RISE(*cells)
            self._rise._num_masks = options.masks

    def ready(self) -> dict[str, Any]:
        """Sets up: a first explanation, by mindspore_xai of few masks."""
        begun = time.perf_counter()
        if self._options.library == "fastxai":
            self._rise(self._images[0], self._labels[0], progress=False)
            return {"setup_s": time.perf_counter() - begun, "engine": self._rise.engine.engine}
        self._rise._num_masks = 32
        self._rise(self._images[0], self._labels[0])
        self._rise._num_masks = self._options.masks
        return {"setup_s": time.perf_counter() - begun, "engine": "mindspore"}

    def run(self) -> dict[str, Any]:
        """The map of the next picture."""
        own = {"progress": False} if self._options.library == "fastxai" else {}
        start = time.perf_counter()
        saliency = self._rise(
            self._images[self._picture], self._labels[self._picture], **own
        ).asnumpy()
        seconds = time.perf_counter() - start
        name = f"{self._options.library}-{self._picture}.npy"
        np.save(self._options.folder / name, saliency[0, 0])
        self._picture += 1
        return {"seconds": seconds}


def main() -> None:
    """Serves, or with --alone explains one picture twice and prints the second time as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", choices=("fastxai", "mindspore_xai"), required=True)
    parser.add_argument("--network", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--masks", type=int, required=True)
    parser.add_argument("--alone", action="store_true")
    options = parser.parse_args()
    if not options.alone:
        serve(lambda: Explaining(options))
        return
    rise = Explaining(options)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        rise._rise(rise._images[0], rise._labels[0])
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds[-1]}))


if __name__ == "__main__":
    main()
