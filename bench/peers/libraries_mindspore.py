"""Contenders of bench/peers.py on MindSpore, PYNATIVE: fastxai by any engine, and mindspore_xai."""

from __future__ import annotations

import argparse
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.processes import serve


def write_network(folder: Path) -> None:
    """What contenders without MindSpore need: picture, weights, the network as ONNX, its scores."""
    import mindspore as ms
    from mindspore import nn

    import fastxai  # noqa: F401  before any primitive
    from bench.common.resnet50 import make_resnet50
    from bench.peers.explainers_worker import picture
    from fastxai.engine.export import exported
    from fastxai.network.scores import ScoreCell

    network, image = make_resnet50(), picture()
    weights = {p.name: p.asnumpy() for p in network.get_parameters()}
    np.savez(folder / "weights.npz", **weights)
    np.save(folder / "image.npy", image.asnumpy())
    cell = ScoreCell(network, nn.Softmax(), ms.float32).set_train(False)
    np.save(folder / "scores.npy", cell(image).asnumpy())
    (folder / "network.onnx").write_bytes(exported(cell, image.shape))


class Ours:
    """The engine of fastxai that is named; after each batch a bare pass of that engine."""

    def __init__(self, options: argparse.Namespace) -> None:
        from mindspore import nn

        import fastxai  # noqa: F401  before any primitive
        from bench.common.resnet50 import make_resnet50
        from bench.peers.explainers_worker import picture
        from fastxai.explainer import RISE, Occlusion

        self._options, self._inputs = options, picture()
        cells = (make_resnet50(), nn.Softmax(), options.batch)
        chosen = {"engine": options.engine, "precision": options.precision}
        self._explainer: Any = (
            RISE(*cells, num_masks=options.images, seed=0, **chosen)
            if options.explainer == "rise"
            else Occlusion(*cells, window=options.window, **chosen)
        )
        self._paired: Any = None

    def ready(self) -> dict[str, Any]:
        """Makes the engine and explains a first batch."""
        from bench.peers.explainers_worker import PairedRun, aligned_array
        from fastxai.ops import MaskSpec, masked_product

        begun = time.perf_counter()
        score, rows = self._prepared()
        seconds = time.perf_counter() - begun
        stack = masked_product(
            self._inputs.asnumpy()[0], MaskSpec(1, (224, 224)), 0, rows, out=aligned_array(rows)
        )
        batches = -(-self._options.images // rows)
        share = self._options.images / (batches * rows)
        self._paired = PairedRun(self._explainer, lambda: score(stack), share)
        stack[0] = self._inputs.asnumpy()[0]
        return {
            "setup_s": seconds,
            "scores": score(stack)[0].tolist(),
            "versions": {name: version(name) for name in ("openvino", "onnxruntime")},
        }

    def run(self) -> dict[str, Any]:
        """A whole explanation."""
        from bench.peers.explainers_worker import TARGET_CLASS

        if self._options.engine == "mindspore":  # peers.explainers has its bare passes
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
        from bench.peers.explainers_worker import first_batch
        from fastxai.engine.mindspore import MindSporeEngine
        from fastxai.perturbation.batches import even_batch

        explainer, images = self._explainer, self._inputs.asnumpy()
        first_batch(explainer, self._inputs)
        rows = even_batch(self._options.images, explainer._perturbation_per_eval)

        def fill(copies: np.ndarray) -> None:
            copies[...] = images

        explainer._selector.start()
        engine = explainer._backend.engine_for(
            (rows, *images.shape[1:]), self._options.images, fill
        )
        if engine is None:
            engine = MindSporeEngine(explainer._backend.score_cell(explainer._backend.dtype))
        return engine, rows


class Peer:
    """mindspore_xai as a user calls it."""

    def __init__(self, options: argparse.Namespace) -> None:
        from bench.common.resnet50 import make_resnet50
        from bench.peers.explainers_worker import make_peer, picture

        options.masks, options.windows_per_axis = options.images, 224 // options.window
        self._options, self._inputs, self._network = options, picture(), make_resnet50()
        self._explainer, _ = make_peer(options.explainer, self._network, options)

    def ready(self) -> dict[str, Any]:
        """Explains with few images."""
        from mindspore import nn

        from bench.peers.explainers_worker import warm_up_peer

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
        from bench.peers.explainers_worker import TARGET_CLASS

        start = time.perf_counter()
        saliency = self._explainer(self._inputs, TARGET_CLASS).asnumpy()
        seconds = time.perf_counter() - start
        np.save(self._options.map, saliency[0, 0])
        return {"seconds": seconds}


def main() -> None:
    """Serves one contender, or writes the network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("network", "fastxai", "mindspore_xai"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--map", type=Path)
    parser.add_argument("--explainer", choices=("rise", "occlusion"))
    parser.add_argument("--images", type=int)
    parser.add_argument("--window", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--engine")
    parser.add_argument("--precision")
    options = parser.parse_args()
    if options.what == "network":
        write_network(options.folder)
        print("{}")
        return
    kind = {"fastxai": Ours, "mindspore_xai": Peer}[options.what]
    serve(lambda: kind(options))


if __name__ == "__main__":
    main()
