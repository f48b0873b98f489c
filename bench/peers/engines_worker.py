"""One process of bench/engines.py: a network of MindCV by every engine."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import mindcv
import mindspore as ms
import numpy as np
from mindspore import nn

from bench.common import processes, timing
from fastxai.engine.agreement import relative_error
from fastxai.engine.export import exported
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.engine.onnxruntime import OnnxRuntimeEngine
from fastxai.engine.openvino import OpenVinoEngine
from fastxai.engine.protocol import Unusable
from fastxai.network.scores import ScoreCell
from fastxai.ops import MaskSpec, masked_product

_SIZES = {
    **dict.fromkeys(("swinv2_tiny_window8", "edgenext_xx_small"), 256),
    **dict.fromkeys(("inception_v3", "inception_v4", "xception"), 299),
    **{"cmt_tiny": 160, "crossvit_9": 240, "pnasnet": 331},
}
_ENGINES = (
    (OpenVinoEngine, "float32"),
    (OnnxRuntimeEngine, "float32"),
    (OpenVinoEngine, "bfloat16"),
)
_OWN = "mindspore float32"
_CALIBRATION_PASSES = 30  # of BatchNorm's moving averages: 0.9^30 of their start is left

Scorer = Callable[[np.ndarray], np.ndarray]


def family(name: str) -> str:
    """The module of MindCV that makes the network."""
    made_by: str = mindcv.models.registry.model_entrypoint(name).__module__
    return made_by.rpartition(".")[2]


def calibrated(name: str, size: int) -> nn.Cell:
    """The network with random weights, and BatchNorm's averages near those of its activations.

    With the averages it is made with, activations grow or vanish from layer to layer, and the
    output says nothing about the layers between.
    """
    ms.set_seed(0)
    np.random.seed(0)
    network = mindcv.create_model(name)
    if any(isinstance(cell, nn.BatchNorm2d) for _, cell in network.cells_and_names()):
        images = np.random.default_rng(1).normal(size=(4, 3, size, size)).astype(np.float32)
        network.set_train(True)
        for _ in range(_CALIBRATION_PASSES):
            network(ms.Tensor(images))
    return network.set_train(False)


def masked_batch(size: int, count: int) -> np.ndarray:
    """Images (count, 3, size, size) as RISE makes them, of noise."""
    image = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
    return masked_product(image, MaskSpec(0, (size, size)), count=count)


def other_engines(
    model: bytes, batch: np.ndarray, expected: np.ndarray
) -> tuple[dict[str, Scorer], dict[str, dict[str, Any]]]:
    """Those that score the batch, and of all the error or why they failed."""
    working: dict[str, Scorer] = {}
    found: dict[str, dict[str, Any]] = {}
    for kind, precision in _ENGINES:
        name = f"{kind.name} {precision}"
        try:
            engine = kind(model, batch.shape, precision)
            error = relative_error(engine(batch), expected)
        except Exception as failure:  # a cell of the table, whatever it is
            found[name] = {"failed": str(failure).splitlines()[0]}
            continue
        if np.isfinite(error):
            working[name] = engine
            found[name] = {"error": error}
        else:
            found[name] = {"failed": "its scores are not finite"}
    return working, found


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Errors and speeds of one network."""
    name, count = options.name, options.batch
    size = _SIZES.get(name, 224)
    network = calibrated(name, size)
    batch = masked_batch(size, count)

    def cell() -> nn.Cell:
        # The bare output: the softmax of random weights hides errors or is all in one class.
        return ScoreCell(network, nn.Identity(), ms.float32).set_train(False)

    row: dict[str, Any] = {"model": name, "family": family(name), "size": size}
    try:
        model = exported(cell(), batch.shape)
    except Unusable as unusable:
        return {**row, "not_exported": unusable.reason}
    mindspore = MindSporeEngine(cell())
    expected = mindspore(batch)
    # How much the images differ: with none, a small error would say nothing.
    row["spread"] = float(expected.std(axis=0).mean() / np.abs(expected).max())
    working, found = other_engines(model, batch, expected)
    if not options.repeats:  # errors alone, which no load changes
        return {**row, "megabytes": len(model) / 1e6, "engines": found}
    scorers = {_OWN: mindspore, **working}
    samples = timing.interleave(
        {who: lambda score=score: score(batch) for who, score in scorers.items()}, options.repeats
    ).wall
    for who, seconds in samples.items():
        figures = found.setdefault(who, {})
        figures["images_per_s"] = timing.summary([count / value for value in seconds])
        figures["speedup"] = timing.summary(timing.ratios(samples[_OWN], seconds))
    return {**row, "megabytes": len(model) / 1e6, "engines": found}


if __name__ == "__main__":
    processes.work(answer)
