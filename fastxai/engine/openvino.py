"""OpenVINO on a CPU."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fastxai import _onednn
from fastxai.engine.protocol import Engine, Unusable

_HINTS = {"float32": "f32", "bfloat16": "bf16"}
# Up to the graph: its tag and length. In it: the name, which MindSpore makes up from counters.
_GRAPH_NAME = re.compile(
    rb"\A([^:]*):[\x80-\xff]*[\x00-\x7f](.*?)\x12.\d+_\d+_\w+_construct_\d+", re.DOTALL
)


class OpenVinoEngine(Engine):
    """An exported network, compiled for one shape of batches.

    Args:
        model: ONNX.
        shape: (M, C, H, W).
        precision: 'float32' or 'bfloat16'.
        threads: Threads to use; 0: OpenVINO's choice, all cores.
        cache_dir: Folder for the compiled network, or None.
        callers: Threads that it scores for at a time, with `threads` each.

    Raises:
        Unusable: OpenVINO cannot load the model.
    """

    name = "openvino"
    title = "OpenVINO"
    precisions = ("float32", "bfloat16")
    any_shape = False
    in_place = True

    def __init__(
        self,
        model: bytes,
        shape: tuple[int, ...],
        precision: str = "float32",
        threads: int = 0,
        cache_dir: Path | None = None,
        callers: int = 1,
    ) -> None:
        import openvino

        self.precision = precision
        self.shape = shape
        self._tensor = openvino.Tensor
        self._places = threading.Semaphore(callers)
        self._idle: list[Any] = []  # requests that nobody uses
        options: dict[str, Any] = {
            # LATENCY: all cores work on one batch; THROUGHPUT would wait for more callers.
            "PERFORMANCE_HINT": "LATENCY",
            # Left to itself it computes in bfloat16 where the processor can.
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads * callers
        if callers > 1:
            options["NUM_STREAMS"] = callers
        if cache_dir is not None:
            # A folder per model: OpenVINO's own key misses small changes of the weights.
            options["CACHE_DIR"] = str(cache_dir / "openvino" / digest(model))
        if precision == "bfloat16" and "BF16" not in core().get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        ):
            raise Unusable("this processor has no bfloat16 instructions")
        try:
            network = core().read_model(model)
            self.compiled, problem = _compiled(core(), network, options)
        except Exception as error:  # RuntimeError, and what its bindings make of others
            raise Unusable(_reason(error, precision)) from error
        if problem:
            warnings.warn(
                f"The compiled network could not be kept in {options['CACHE_DIR']} ({problem}); it "
                "is used all the same. Name another folder: fastxai.set_engine(cache_dir=...), or "
                "the environment variable FASTXAI_CACHE.",
                RuntimeWarning,
                stacklevel=2,
            )
        if len(self.compiled.inputs) != 1 or len(self.compiled.outputs) != 1:
            raise Unusable("it needs one input and one output")

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Scores of a batch of the shape it was made for; read where it lies."""
        with self._places:
            try:  # in one step: two callers may find the last one
                request = self._idle.pop()
            except IndexError:  # not more than `callers` are ever made
                request = self.compiled.create_infer_request()
            try:
                request.set_input_tensor(self._tensor(batch, shared_memory=True))
                request.infer()
                return np.array(request.get_output_tensor().data, np.float32)
            finally:
                self._idle.append(request)


@functools.cache
def core() -> Any:
    """The one Core of this process, which lives as long.

    OpenVINO's CPU plugin sets an alternate signal stack with every Core, and puts the one before
    back when the Core goes, even if that is gone by then: where the first of two Cores goes first,
    the next Ctrl-C is a segmentation fault (seen with 2026.4).
    """
    import openvino

    return openvino.Core()


def digest(model: bytes) -> str:
    """SHA-256 of an ONNX model but for the name of its graph.

    A name of another form than MindSpore's counts: the network is then compiled once more.
    """
    return hashlib.sha256(_GRAPH_NAME.sub(rb"\1\2", model, count=1)).hexdigest()


def _compiled(core: Any, network: Any, options: dict[str, Any]) -> tuple[Any, str]:
    """The network, compiled, and why it could not be kept in its folder, or ''."""
    try:
        return core.compile_model(network, "CPU", options), ""
    except Exception as error:
        if "CACHE_DIR" not in options:
            raise
        return core.compile_model(network, "CPU", options | {"CACHE_DIR": ""}), said(error)


def said(error: Exception) -> str:
    """OpenVINO's message without the places in its source."""
    # Operators it does not know come first: what follows them fails with them.
    unknown = re.findall(
        r"^-- No conversion rule found for operations: (.*)", str(error), re.MULTILINE
    )
    failed = re.findall(r"^-- (\w+-\d+) with a message", str(error), re.MULTILINE)
    if named := unknown[0].split(", ") if unknown else failed:
        operators = dict.fromkeys(name.rpartition("-")[0] for name in named)
        return f"it could not convert {', '.join(operators)}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    places = ("Exception from", "Check '")
    return next((line for line in lines if not line.startswith(places)), "no message")


def _reason(error: Exception, precision: str) -> str:
    limit = _onednn.environment_limit()
    if precision == "bfloat16" and limit:
        return f"{limit} takes bfloat16 from OpenVINO too; unset it"
    return f"OpenVINO cannot load the exported network: {said(error)}"
