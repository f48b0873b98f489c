"""How a network is scored: by MindSpore itself, or on a CPU by a faster engine.

`protocol` says what an engine is, `mindspore_cell`, `openvino` and `onnxruntime` are the three
there are, and `selector` chooses. Importing this package loads none of them.
"""

from fastxai.engine.protocol import Engine
from fastxai.engine.settings import set_engine

__all__ = ["Engine", "set_engine"]
