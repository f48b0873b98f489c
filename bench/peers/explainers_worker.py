"""One process of bench/peers/explainers.py: ResNet50 under RISE and Occlusion in one mode.

The process is made for its environment variables and its mode.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from bench.common import processes, timing
from bench.common.explainers import (
    TARGET_CLASS,
    first_batch,
    images_of,
    make_ours,
    make_peer,
    picture,
    warm_up_peer,
)
from bench.common.networks import Bare, EntryStamp, ExitStamp, PoolNetwork
from bench.common.resnet50 import make_resnet50


def measure_pair(name: str, options: argparse.Namespace, inputs: ms.Tensor) -> dict[str, Any]:
    """fastxai, the bare passes and mindspore_xai in turns."""
    from bench.peers.paired import PairedRun, random_stack
    from fastxai.perturbation.batches import even_batch

    network, count = make_resnet50(), options.counts[name]
    images = images_of(name, count)
    ours = make_ours(name, network, options.batch, count, engine="mindspore")
    rows = even_batch(images, options.batch)
    batches = -(-images // rows)
    stack = ms.Tensor.from_numpy(random_stack(rows))
    bare_cell = Bare(network)
    paired = PairedRun(ours, lambda: bare_cell(stack).asnumpy(), images / (batches * rows))
    theirs = make_peer(name, make_resnet50(), options.batch, count)
    bare_cell(stack).asnumpy()
    first_batch(ours, inputs)
    warm_up_peer(name, theirs, inputs)
    runs, peer_seconds, peer_map = [], [], np.empty(0)
    for repeat in range(options.repeats[name]):
        for contender in timing.rotation(["ours", "peer"], repeat):
            if contender == "ours":
                runs.append(paired(inputs))
                continue
            start = time.perf_counter()
            peer_map = theirs(inputs, TARGET_CLASS).asnumpy()
            peer_seconds.append(time.perf_counter() - start)
        note(f"{name}: {runs[-1]['explainer_s']:.1f} s, peer {peer_seconds[-1]:.1f} s")
    return {
        **pair_figures(runs, peer_seconds, images, batches, rows),
        **map_figures(name, runs[-1]["map"], peer_map),
        "explainer": name,
    }


def check_maps(options: argparse.Namespace, inputs: ms.Tensor) -> list[str]:
    """Both explainers on a cheap network, against the peer and the reference, before timing.

    Raises:
        AssertionError: A map is wrong.
    """
    from mindspore_xai.explainer import Occlusion as PeerOcclusion

    from fastxai.explainer import RISE, Occlusion
    from fastxai.ops import MaskSpec, masked_product, saliency_accumulate, saliency_expand
    from fastxai.ops import SaliencySums as Sums

    network, softmax = PoolNetwork(), nn.Softmax()
    ours = Occlusion(network, softmax)(inputs, TARGET_CLASS).asnumpy()
    theirs = PeerOcclusion(PoolNetwork(), softmax)(inputs, TARGET_CLASS).asnumpy()
    occlusion_error = float(np.abs(ours - theirs).max())
    assert occlusion_error <= 1e-6, f"Occlusion differs by {occlusion_error}"
    image, spec, few = inputs.asnumpy()[0], MaskSpec(seed=0, size=(224, 224)), 8
    product = masked_product(image, spec, 0, few, backend="reference")
    scores = softmax(network(ms.Tensor(product))).asnumpy()[:, TARGET_CLASS : TARGET_CLASS + 1]
    sums = Sums.zeros(spec, 1)
    saliency_accumulate(scores, spec, 0, sums, backend="reference")
    expected = saliency_expand(sums.sums, spec.size, backend="reference")[0] / few
    rise = RISE(network, softmax, num_masks=few, seed=0, estimator="plain")
    rise_error = float(np.abs(rise(inputs, TARGET_CLASS).asnumpy()[0, 0] - expected).max())
    assert rise_error <= 1e-6, f"RISE differs by {rise_error}"
    return [
        f"{options.mode}: Occlusion within {occlusion_error:.1g} of mindspore_xai's on a cheap "
        "network",
        f"{options.mode}: RISE within {rise_error:.1g} of the reference path",
    ]


def pair_figures(
    runs: list[dict[str, Any]], peer: list[float], images: int, batches: int, rows: int
) -> dict[str, Any]:
    """Statistics of the repeats of one explainer."""
    ours = [run["explainer_s"] for run in runs]
    per_batch = [beyond for run in runs for beyond in run["per_batch"]]
    return {
        "images": images,
        "batches": batches,
        "rows_per_batch": rows,
        "padding_rows": batches * rows - images,
        "fastxai_s": timing.summary(ours),
        "peer_s": timing.summary(peer),
        "speedup": timing.summary(timing.ratios(peer, ours)),
        "bare_s": timing.summary([run["bare_s"] for run in runs]),
        # Share of the bare passes that the explainer takes beyond them.
        "beyond": timing.summary([run["beyond"] for run in runs]),
        "beyond_cpu": timing.summary([run["beyond_cpu"] for run in runs]),
        "beyond_per_batch": timing.summary(per_batch),
    }


def map_figures(name: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """How the two maps compare: Occlusion's must agree, RISE's masks are others."""
    if name == "rise":
        return {"map_means": [float(ours.mean()), float(theirs.mean())]}
    return {"map_difference": float(np.abs(ours - theirs).max() / np.abs(theirs).max())}


def measure_inside(name: str, options: argparse.Namespace, inputs: ms.Tensor) -> dict[str, Any]:
    """Time inside the forward passes of one run of fastxai, against the whole run. PYNATIVE."""
    entries: list[float] = []
    exits: list[float] = []
    network = EntryStamp(make_resnet50(), entries)
    activation = ExitStamp(nn.Softmax(), exits)
    ours = make_ours(
        name,
        network,
        options.batch,
        options.counts[name],
        activation=activation,
        engine="mindspore",
    )
    first_batch(ours, inputs)
    entries.clear()
    exits.clear()
    start = time.perf_counter()
    ours(inputs, TARGET_CLASS).asnumpy()
    whole = time.perf_counter() - start
    inside = sum(end - begin for begin, end in zip(entries, exits, strict=True))
    note(f"{name}: {whole:.1f} s, of which {inside:.2f} s inside the forward passes")
    return {
        "explainer": name,
        "whole_s": whole,
        "inside_s": inside,
        "beyond_inside": whole / inside - 1.0,
    }


def measure_alone(name: str, options: argparse.Namespace, inputs: ms.Tensor) -> dict[str, Any]:
    """Images per second of one library, on few images."""
    case = (name, make_resnet50(), options.batch, options.counts[name])
    if options.library == "ours":
        explainer = make_ours(*case, engine="mindspore")
        first_batch(explainer, inputs)  # compiles; not done for the peer, which takes minutes
    else:
        explainer = make_peer(*case)
        if name == "rise":
            explainer._num_classes = 1000  # spares the peer one forward pass that it makes once
    images = images_of(name, options.counts[name])
    start = time.perf_counter()
    explainer(inputs, TARGET_CLASS).asnumpy()
    seconds = time.perf_counter() - start
    note(f"{options.library} {name}: {images} images in {seconds:.1f} s")
    return {"explainer": name, "images": images, "seconds": seconds}


def note(text: str) -> None:
    """Progress for whoever waits."""
    print(f"  {text}", file=sys.stderr, flush=True)


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Measures what the options name."""
    if options.library == "ours":
        importlib.import_module("fastxai")  # as a user has it: before any primitive
    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    measure = {"pair": measure_pair, "inside": measure_inside, "alone": measure_alone}
    checks = check_maps(options, picture()) if options.what == "pair" else []
    rows = [measure[options.what](name, options, picture()) for name in options.counts]
    return {"checks": checks, "rows": rows}


if __name__ == "__main__":
    processes.work(answer)
