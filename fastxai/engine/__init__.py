"""Engines that score a network: MindSpore itself, or a faster one on a CPU.

    request -> selector -> cache                          an engine that was made before, or
                        -> factory -> export (ONNX)       a new one, held to MindSpore's scores:
                                   -> mindspore | openvino | onnxruntime

`protocol` defines an engine, `settings` what the user prefers, `autotune` finds the batch size, and
`scorer` scores images for benchmarks and the command line. Importing this package loads no engine.
"""

from fastxai.engine.protocol import Engine
from fastxai.engine.settings import set_engine

__all__ = ["Engine", "set_engine"]
