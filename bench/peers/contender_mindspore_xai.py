"""A contender of bench/peers/libraries.py: mindspore_xai as a user calls it, PYNATIVE."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from mindspore import nn

from bench.common.classifiers import make_classifier
from bench.common.explainers import TARGET_CLASS, make_peer, picture, warm_up_peer
from bench.common.processes import serve


class Peer:
    """mindspore_xai's RISE or Occlusion."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._inputs = options, picture()
        self._network = make_classifier(options.network)
        count = options.images if options.explainer == "rise" else options.images - 1
        self._explainer = make_peer(options.explainer, self._network, options.batch, count)

    def ready(self) -> dict[str, Any]:
        """Explains with few images."""
        begun = time.perf_counter()
        warm_up_peer(self._options.explainer, self._explainer, self._inputs)
        seconds = time.perf_counter() - begun
        return {
            "setup_s": seconds,
            "scores": nn.Softmax()(self._network(self._inputs)).asnumpy()[0].tolist(),
            "versions": {"mindspore-xai": version("mindspore-xai")},
        }

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        start = time.perf_counter()
        saliency = self._explainer(self._inputs, TARGET_CLASS).asnumpy()
        seconds = time.perf_counter() - start
        np.save(self._options.map, saliency[0, 0])
        return {"seconds": seconds}


if __name__ == "__main__":
    serve(Peer)
