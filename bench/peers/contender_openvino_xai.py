"""A contender of bench/peers/libraries.py: openvino_xai's RISE of the exported network."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.processes import serve
from bench.peers.contender_rise import TARGET_CLASS, RiseContender

_GRID = 10


class OpenVinoXai(RiseContender):
    """RISE as a user calls it, with its own choice of precision and batch: one image at a time."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._image = np.load(Path(options.folder) / "image.npy")
        self._rise: Any = None

    def ready(self) -> dict[str, Any]:
        """Compiles the network and explains with few masks."""
        import openvino
        from openvino_xai.methods import RISE  # type: ignore[import-not-found]

        begun = time.perf_counter()
        model = openvino.Core().read_model(Path(self._options.folder) / "network.onnx")
        self._rise = RISE(model, postprocess_fn=lambda outputs: outputs[0])
        self.explain(8)
        seconds = time.perf_counter() - begun
        names = ("openvino-xai", "openvino")
        return {
            "setup_s": seconds,
            "scores": self._rise.get_logits(self._image)[0].tolist(),
            "versions": {f"{name} (openvino_xai's)": version(name) for name in names},
        }

    def explain(self, masks: int) -> Any:
        """The map (H, W) of the class."""
        return self._rise.generate_saliency_map(
            self._image, target_indices=[TARGET_CLASS], num_masks=masks, num_cells=_GRID
        )[TARGET_CLASS]


if __name__ == "__main__":
    serve(OpenVinoXai)
