"""Prints what MindSpore and OpenVINO compute with: python -m tests.engine._isa_report PRECISION."""

import json
import logging
import sys

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai import _onednn
from fastxai.engine import selector
from fastxai.explainer import RISE
from tests._networks import SmallConv

if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    images = ms.Tensor(np.random.default_rng(0).random((1, 3, 64, 64)).astype(np.float32))
    rise = RISE(SmallConv(), nn.Softmax(), num_masks=64, engine="openvino", precision=sys.argv[1])
    try:
        rise(images, 1)
        (made,) = [entry.made for entry in selector._cache._entries.values()]
        kinds = {
            node.get_rt_info()["primitiveType"].astype(str)
            for node in made.compiled.get_runtime_model().get_ops()
        }
        error = ""
    except RuntimeError as failure:
        kinds, error = set(), str(failure)
    print(json.dumps({"guard": _onednn.protect().state, "kinds": sorted(kinds), "error": error}))
