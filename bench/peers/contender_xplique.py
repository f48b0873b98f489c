"""A contender of bench/peers/files.py: Xplique's RISE of the same network in PyTorch."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.processes import serve
from bench.peers.contender_rise import TARGET_CLASS, RiseContender


class Xplique(RiseContender):
    """RISE over Xplique's wrapper of PyTorch's networks; it reads no ONNX files."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._image = np.load(Path(options.folder) / "image.npy").transpose(0, 2, 3, 1)
        self._model: Any = None

    def ready(self) -> dict[str, Any]:
        """Wraps the network and explains with few masks."""
        import tensorflow  # type: ignore[import-not-found]  # noqa: F401  before PyTorch
        from xplique.wrappers import TorchWrapper  # type: ignore[import-not-found]

        from bench.peers.torch_networks import load_network

        begun = time.perf_counter()
        network = load_network(Path(self._options.folder))
        self._model = TorchWrapper(network, "cpu", is_channel_first=True, requires_grad=False)
        self.explain(8)
        return {
            "setup_s": time.perf_counter() - begun,
            "scores": np.asarray(self._model(self._image))[0].tolist(),
            "versions": {
                "xplique": version("xplique"),
                "tensorflow": tensorflow.__version__,
            },
        }

    def explain(self, masks: int) -> Any:
        """The map (H, W) of the class."""
        from xplique.attributions import Rise  # type: ignore[import-not-found]

        target = np.eye(1000, dtype=np.float32)[[TARGET_CLASS]]
        rise = Rise(self._model, self._options.batch, nb_samples=masks, grid_size=10)
        return np.asarray(rise.explain(self._image, target))[0, ..., 0]


if __name__ == "__main__":
    serve(Xplique)
