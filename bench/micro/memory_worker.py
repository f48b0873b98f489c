"""One process of bench/micro/memory.py: its peak memory after an explanation or bare passes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

import fastxai  # noqa: F401  before any primitive
from bench.common import processes
from bench.common.explainers import SIZE, engine_of, make_ours, make_peer
from bench.common.networks import PoolNetwork
from bench.common.resnet50 import make_resnet50

BARE_PASSES = 4


def peak_bytes() -> int:
    """VmHWM of this process: the most memory it ever had resident."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def bare_passes(network: Any, options: argparse.Namespace, random: Any) -> None:
    """What an explainer cannot do without: the engine, and a random batch through it."""
    inputs = random.standard_normal((options.batch, 3, SIZE, SIZE), np.float32)
    if options.engine == "mindspore":
        scores = nn.SequentialCell(network, nn.Softmax())
        for _ in range(BARE_PASSES):
            scores(ms.Tensor.from_numpy(inputs)).asnumpy()
        return

    def fill(copies: np.ndarray) -> None:
        copies[...] = inputs

    engine = engine_of(
        network, nn.Softmax(), inputs.shape, options.batch, fill, engine=options.engine
    )
    for _ in range(BARE_PASSES):
        engine(inputs)


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of this process."""
    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    network = make_resnet50() if options.network == "resnet50" else PoolNetwork()
    network.set_train(False)
    random = np.random.default_rng(0)
    if options.explainer == "bare":
        bare_passes(network, options, random)
        return {"peak_bytes": peak_bytes()}
    case = (options.explainer, network, options.batch, options.count)
    explainer = (
        make_peer(*case) if options.library == "peer" else make_ours(*case, engine=options.engine)
    )
    inputs = ms.Tensor(random.standard_normal((1, 3, SIZE, SIZE)).astype(np.float32))
    saliency = explainer(inputs, 1).asnumpy()
    assert saliency.shape == (1, 1, SIZE, SIZE)
    assert np.isfinite(saliency).all()
    return {"peak_bytes": peak_bytes()}


if __name__ == "__main__":
    processes.work(answer)
