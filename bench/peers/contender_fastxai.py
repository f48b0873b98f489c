"""A contender of bench/peers/libraries.py: fastxai by the engine that is named, PYNATIVE.

Options beside: `design` of RISE's masks, and `alone`, which leaves out the bare passes.
"""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from mindspore import nn

import fastxai  # noqa: F401  before any primitive
from bench.common.classifiers import make_classifier
from bench.common.explainers import (
    TARGET_CLASS,
    engine_of,
    first_batch,
    make_ours,
    picture,
)
from bench.common.processes import serve
from bench.peers.paired import PairedRun, random_stack
from fastxai.ops import MaskSpec, masked_product
from fastxai.perturbation.batches import even_batch


class Ours:
    """An engine of fastxai's; after each batch a bare pass of that engine."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._inputs = options, picture()
        count = options.images if options.explainer == "rise" else options.images - 1
        self._cells = make_classifier(options.network), nn.Softmax()
        self._chosen = {"engine": options.engine, "precision": options.precision}
        network, activation = self._cells
        design = {"design": options.design} if hasattr(options, "design") else {}
        self._is_alone = options.engine == "mindspore" or hasattr(options, "alone")
        self._explainer = make_ours(
            options.explainer,
            network,
            options.batch,
            count,
            activation=activation,
            **self._chosen,
            **design,
        )
        self._paired: Any = None

    def ready(self) -> dict[str, Any]:
        """Makes the engine and explains a first batch."""
        begun = time.perf_counter()
        score, rows = self._prepared()
        seconds = time.perf_counter() - begun
        image = self._inputs.asnumpy()[0]
        stack = masked_product(image, MaskSpec(1, (224, 224)), 0, rows, out=random_stack(rows))
        batches = -(-self._options.images // rows)
        share = self._options.images / (batches * rows)
        self._paired = PairedRun(self._explainer, lambda: score(stack), share)
        stack[0] = image
        return {
            "setup_s": seconds,
            "scores": score(stack)[0].tolist(),
            "versions": {name: version(name) for name in ("openvino", "onnxruntime")},
        }

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        if self._is_alone:  # for MindSpore peers.explainers has the bare passes
            start = time.perf_counter()
            saliency = self._explainer(self._inputs, TARGET_CLASS, progress=False).asnumpy()
            found: dict[str, Any] = {"seconds": time.perf_counter() - start}
        else:
            paired = self._paired(self._inputs)
            saliency = paired["map"]
            found = {"seconds": paired["explainer_s"], "over_bare": 1.0 + paired["beyond"]}
        np.save(self._options.map, saliency[0, 0])
        return found

    def _prepared(self) -> tuple[Any, int]:
        """What scores, after a first batch was explained by it, and how many images that were."""
        images = self._inputs.asnumpy()
        first_batch(self._explainer, self._inputs)
        count = self._options.images
        rows = even_batch(count, self._options.batch)

        def fill(copies: np.ndarray) -> None:
            copies[...] = images

        shape = (rows, *images.shape[1:])
        return engine_of(*self._cells, shape, count, fill, **self._chosen), rows


if __name__ == "__main__":
    serve(Ours)
