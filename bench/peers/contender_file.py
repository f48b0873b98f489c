"""A contender of bench/peers/files.py: fastxai over network.onnx; after each batch a bare pass."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import fastxai
from bench.common.explainers import TARGET_CLASS, picture
from bench.common.processes import serve
from bench.peers.paired import PairedRun, random_stack
from fastxai.models import RISE, Occlusion
from fastxai.perturbation.batches import even_batch


class OverFile:
    """RISE or Occlusion over the file, by an engine."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._inputs = options, picture()
        self._path = Path(options.folder) / "network.onnx"
        self._model = fastxai.load(self._path, engine=options.engine)
        if options.explainer == "rise":
            self._explainer: Any = RISE(
                self._model, None, options.batch, num_masks=options.images, seed=0
            )
        else:
            self._explainer = Occlusion(self._model, None, options.batch, window=options.window)
        self._paired: Any = None

    def ready(self) -> dict[str, Any]:
        """Explains once, and makes the bare engine."""
        begun = time.perf_counter()
        self._explainer(self._inputs, TARGET_CLASS, progress=False)
        seconds = time.perf_counter() - begun
        stack = random_stack(even_batch(self._options.images, self._options.batch))
        bare = _BARE[self._options.engine](self._path, stack)
        batches = -(-self._options.images // len(stack))
        self._paired = PairedRun(
            self._explainer, bare, self._options.images / (batches * len(stack))
        )
        return {
            "setup_s": seconds,
            "scores": self._model(self._inputs.asnumpy())[0].tolist(),
            "versions": {name: version(name) for name in ("openvino", "onnxruntime")},
        }

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        paired = self._paired(self._inputs)
        np.save(self._options.map, paired["map"][0, 0])
        return {"seconds": paired["explainer_s"], "over_bare": 1.0 + paired["beyond"]}


def _openvino(path: Path, stack: np.ndarray) -> Callable[[], Any]:
    """A pass by OpenVINO alone, as its documentation has it, in float32."""
    import openvino

    from fastxai.engine.openvino import core

    network = core().read_model(path)
    network.reshape(list(stack.shape))
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core().compile_model(network, "CPU", options).create_infer_request()

    def run() -> np.ndarray:
        # The request does not keep the memory alive: this function does.
        request.set_input_tensor(openvino.Tensor(stack, shared_memory=True))
        request.infer()
        return np.array(request.get_output_tensor().data)

    return run


def _onnxruntime(path: Path, stack: np.ndarray) -> Callable[[], Any]:
    """A pass by ONNX Runtime alone, with its own settings but for the spinning of its threads."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # They would spin while fastxai makes the next batch, and slow that down.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: stack})[0]


_BARE = {"openvino": _openvino, "onnxruntime": _onnxruntime}

if __name__ == "__main__":
    serve(OverFile)
