"""A long explanation for another process to interrupt: python -m tests.network._long_run MODE."""

import sys

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.explainer import RISE
from tests._networks import SmallConv

if __name__ == "__main__":
    ms.set_context(mode=ms.GRAPH_MODE if sys.argv[1] == "graph" else ms.PYNATIVE_MODE)
    images = ms.Tensor(np.ones((1, 3, 224, 224), np.float32))
    rise = RISE(SmallConv(), nn.Softmax(), num_masks=1000000, seed=0)
    try:
        rise(images, 1, progress=lambda done, total: print(done, flush=True))
    except KeyboardInterrupt:
        rise._num_masks = 64
        print("interrupted", rise(images, 1).shape, flush=True)
