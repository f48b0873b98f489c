"""Writes for contenders without MindSpore: picture, weights, the network as ONNX, its scores."""

from __future__ import annotations

import argparse
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

import fastxai  # noqa: F401  before any primitive
from bench.common import processes
from bench.common.classifiers import make_classifier
from bench.common.explainers import picture
from fastxai.engine.export import exported
from fastxai.network.scores import ScoreCell


def answer(options: argparse.Namespace) -> None:
    """Writes into a folder."""
    folder = Path(options.folder)
    network, image = make_classifier(options.network), picture()
    weights = {p.name: p.asnumpy() for p in network.get_parameters()}
    np.savez(folder / "weights.npz", **weights)
    np.save(folder / "image.npy", image.asnumpy())
    cell = ScoreCell(network, nn.Softmax(), ms.float32).set_train(False)
    np.save(folder / "scores.npy", cell(image).asnumpy())
    (folder / "network.onnx").write_bytes(exported(cell, image.shape))


if __name__ == "__main__":
    processes.work(answer)
