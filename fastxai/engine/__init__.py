"""How a network is scored: by MindSpore itself, or on a CPU by a faster engine.

    request -> selector -> cache                          an engine that was made before, or
                        -> factory -> export (ONNX)       a new one, held to MindSpore's scores:
                                   -> mindspore | openvino | onnxruntime

`protocol` defines an engine, `settings` what the user prefers, `autotune` finds the batch size, and
`scorer` scores images for benchmarks and the command line. Importing this package loads no engine.
"""

from fastxai.engine.protocol import Engine
from fastxai.engine.settings import set_engine

__all__ = ["Engine", "set_engine"]
