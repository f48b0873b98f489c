"""One process of bench/gradients.py: one mode, one number of images; prints JSON."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

import fastxai  # noqa: F401  before any primitive, as a user has it
from bench.common import processes, timing
from bench.common.resnet50 import make_resnet50

EXPLAINERS = ("Gradient", "GradCAM", "GuidedBackprop", "Deconvolution")
TARGET_CLASS = 7
AGREEMENT = 1e-5  # of the map's maximum
LAYER = "blocks"  # the last convolutional layer of bench.common.resnet50
_PEER_SWAPPED = {"GuidedBackprop": "Deconvolution", "Deconvolution": "GuidedBackprop"}


class BareGradient(nn.Cell):
    """Gradient of the target's score with respect to the images, and nothing else."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.grad = ops.GradOperation(sens_param=True)(network)

    def construct(self, images: ms.Tensor, weights: ms.Tensor) -> ms.Tensor:
        """(N, C, H, W) from images and what is propagated back, (N, classes)."""
        return self.grad(images, weights)


def make(library: str, name: str) -> Any:
    """An explainer on a network of its own with the weights that all have."""
    network = make_resnet50()
    network.set_train(False)
    explainer = getattr(importlib.import_module(f"{library}.explainer"), name)
    return explainer(network, layer=LAYER) if name == "GradCAM" else explainer(network)


def working_peer(name: str, images: ms.Tensor) -> Callable[[], np.ndarray] | None:
    """A call of mindspore_xai's explainer, or None where it fails."""
    explainer = make("mindspore_xai", name)

    def run() -> np.ndarray:
        return explainer(images, TARGET_CLASS).asnumpy()

    try:
        run()
    except Exception as error:  # what it raises here is mindspore_xai's own affair
        print(f"  mindspore_xai {name}: {type(error).__name__}", file=sys.stderr, flush=True)
        return None
    return run


def measure(name: str, images: ms.Tensor, repeats: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Figures of one explainer, and the maps of both libraries."""
    ours = make("fastxai", name)
    peer = working_peer(name, images)
    bare = BareGradient(make_resnet50().set_train(False))
    weights = np.zeros((len(images), 1000), np.float32)
    weights[:, TARGET_CLASS] = 1.0
    sens = ms.Tensor(weights)
    contenders: dict[str, Callable[[], Any]] = {
        "fastxai": lambda: ours(images, TARGET_CLASS).asnumpy(),
        "bare": lambda: bare(images, sens).asnumpy(),
    }
    if peer is not None:
        contenders["peer"] = peer
    start = time.perf_counter()
    maps = {"fastxai": contenders["fastxai"]()}
    first_s = time.perf_counter() - start
    if peer is not None:
        maps["peer"] = peer()
    wall = timing.interleave(contenders, repeats).wall
    row = {
        "explainer": name,
        "first_call_s": first_s,  # builds, and in GRAPH mode compiles
        "fastxai_s": timing.summary(wall["fastxai"]),
        "bare_s": timing.summary(wall["bare"]),
        "peer_s": timing.summary(wall["peer"]) if peer else None,
        "over_bare": timing.summary(timing.ratios(wall["fastxai"], wall["bare"])),
        "speedup": timing.summary(timing.ratios(wall["peer"], wall["fastxai"])) if peer else None,
    }
    return row, maps


def claimed(mode: str, name: str) -> bool:
    """Whether mindspore_xai says that its explainer works in this mode."""
    return mode == "pynative" or name not in _PEER_SWAPPED


def check(maps: dict[str, dict[str, np.ndarray]], mode: str, where: str) -> list[str]:
    """Both libraries' maps against each other, the exchanged ones with the other's.

    mindspore_xai does not claim GuidedBackprop and Deconvolution for GRAPH mode. How far off its
    maps are there is put on record.

    Raises:
        AssertionError: A map differs.
    """
    checks = []
    for name, found in maps.items():
        theirs = maps[_PEER_SWAPPED.get(name, name)].get("peer")
        if theirs is None:
            continue
        error = float(np.abs(found["fastxai"] - theirs).max() / np.abs(theirs).max())
        if not claimed(mode, name):
            checks.append(f"{where}: {name} differs by {error:.2f} from mindspore_xai's wrong map")
            continue
        assert error <= AGREEMENT, f"{where}: {name} differs by {error} of the maximum"
        checks.append(f"{where}: {name} within {error:.1g} of mindspore_xai's map")
    return checks


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Measures what the options name."""
    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    values = np.random.default_rng(0).standard_normal((options.images, 3, 224, 224), np.float32)
    images = ms.Tensor(values)
    rows, maps = [], {}
    with contextlib.redirect_stdout(sys.stderr):  # for the JSON alone
        for name in EXPLAINERS:
            row, maps[name] = measure(name, images, options.repeats)
            row["peer_is_right"] = "peer" in maps[name] and claimed(options.mode, name)
            rows.append(row)
        checks = check(maps, options.mode, f"{options.mode}, {options.images} image(s)")
    return {"checks": checks, "rows": rows}


if __name__ == "__main__":
    processes.work(answer)
