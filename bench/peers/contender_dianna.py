"""A contender of bench/peers/files.py: DIANNA's RISE of the ONNX file."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.processes import serve
from bench.peers.contender_rise import TARGET_CLASS, RiseContender


class Dianna(RiseContender):
    """RISE as a user calls it, by ONNX Runtime, with DIANNA's own batch size."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(options)
        self._path = str(Path(options.folder) / "network.onnx")
        self._image = np.load(Path(options.folder) / "image.npy")

    def ready(self) -> dict[str, Any]:
        """Explains with few masks."""
        from dianna.utils.onnx_runner import SimpleModelRunner  # type: ignore[import-not-found]

        begun = time.perf_counter()
        self.explain(8)
        return {
            "setup_s": time.perf_counter() - begun,
            "scores": SimpleModelRunner(self._path)(self._image)[0].tolist(),
            "versions": {"dianna": version("dianna")},
        }

    def explain(self, masks: int) -> Any:
        """The map (H, W) of the class."""
        import dianna  # type: ignore[import-not-found]

        return dianna.explain_image(
            self._path,
            self._image[0],
            "RISE",
            labels=[TARGET_CLASS],
            n_masks=masks,
            feature_res=10,
            p_keep=0.5,
            axis_labels={0: "channels"},
        )[0]


if __name__ == "__main__":
    serve(Dianna)
