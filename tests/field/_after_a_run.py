"""Is sent SIGINT after a run: python -m tests.field._after_a_run MODE."""

import signal
import sys

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.explainer import RISE, Gradient
from tests._networks import SmallConv

if __name__ == "__main__":
    ms.set_context(mode=ms.GRAPH_MODE if sys.argv[1] == "graph" else ms.PYNATIVE_MODE)
    images = ms.Tensor(np.ones((1, 3, 16, 16), np.float32))
    runs = {
        "rise": lambda: RISE(SmallConv(), nn.Softmax(), num_masks=8, engine="mindspore")(images, 1),
        "gradient": lambda: Gradient(SmallConv())(images, 1),
    }
    for name, run in runs.items():
        signal.signal(
            signal.SIGINT, lambda number, frame, name=name: print(name, "own handler", flush=True)
        )
        run()
        signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            print(name, "KeyboardInterrupt", flush=True)
