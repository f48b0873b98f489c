"""ONNX Runtime on a CPU."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from fastxai.engine.protocol import Engine, Unusable

_ERRORS_ONLY = 3  # of its log


class OnnxRuntimeEngine(Engine):
    """An exported network, in a session for one shape of batches.

    Args:
        model: ONNX.
        shape: (M, C, H, W).
        precision: 'float32'.
        threads: Threads to use; 0: its choice, all cores.
        cache_dir: Not used: making a session takes less time than reading one would.
        callers: Threads that it scores for at a time, with `threads` each.

    Raises:
        Unusable: ONNX Runtime cannot load the model.
    """

    name = "onnxruntime"
    title = "ONNX Runtime"
    precisions = ("float32",)
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
        import onnxruntime

        self.precision = precision
        self.shape = shape
        self._value = onnxruntime.OrtValue
        self._places = threading.Semaphore(callers)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        # All callers share them; with 1 each works in its own thread.
        options.intra_op_num_threads = threads * callers if threads > 1 else threads
        # Its threads would else spin for a while after each batch, while ours make the next one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self.session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each of its errors is a class of its own below Exception
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise Unusable(f"ONNX Runtime cannot load the exported network: {line}") from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise Unusable("it needs one input and one output")
        self._input, self._output = inputs[0].name, outputs[0].name

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Scores of a batch of the shape it was made for; read where it lies."""
        with self._places:
            binding = self.session.io_binding()
            binding.bind_ortvalue_input(self._input, self._value.ortvalue_from_numpy(batch))
            binding.bind_output(self._output, "cpu")
            self.session.run_with_iobinding(binding)
            return binding.copy_outputs_to_cpu()[0]
