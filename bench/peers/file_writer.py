"""Writes network.onnx anew, for batches of any size: the network as PyTorch exports it."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch  # type: ignore[import-not-found]

from bench.common import processes
from bench.peers.torch_networks import load_network


def answer(options: argparse.Namespace) -> None:
    """Replaces the file in a folder that has the weights."""
    folder = Path(options.folder)
    torch.onnx.export(
        load_network(folder),
        (torch.zeros(2, 3, 224, 224),),
        folder / "network.onnx",
        dynamo=False,  # it needs the package onnx alone
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_axes={"image": {0: "images"}, "probabilities": {0: "images"}},
    )


if __name__ == "__main__":
    processes.work(answer)
