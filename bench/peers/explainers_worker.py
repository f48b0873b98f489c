"""One process of bench/explainers.py: ResNet50 under RISE and Occlusion in one mode.

The process is made for its environment variables and its mode; the last line printed is JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from bench.common import timing
from bench.common.networks import Bare, EntryStamp, ExitStamp, PoolNetwork
from bench.common.resnet50 import make_resnet50

TARGET_CLASS = 7
_PEER_WINDOWS_PER_AXIS = 32  # what mindspore_xai's Occlusion divides 224 pixels into


def clocks() -> np.ndarray:
    """Wall clock, and processor time of all threads of this process, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def picture() -> ms.Tensor:
    """The explained image (1, 3, 224, 224), noise of unit variance."""
    values = np.random.default_rng(0).standard_normal((1, 3, 224, 224))
    return ms.Tensor(values.astype(np.float32))


def aligned_array(rows: int) -> np.ndarray:
    """Random images (rows, 3, 224, 224) that begin at a cache line, where a pass is fastest."""
    values = np.random.default_rng(1).standard_normal((rows, 3, 224, 224), np.float32)
    room = np.empty(values.size + 16, np.float32)
    first = -room.ctypes.data % 64 // room.itemsize
    stack = room[first : first + values.size].reshape(values.shape)
    stack[:] = values
    return stack


def aligned_stack(rows: int) -> ms.Tensor:
    """The same as a Tensor."""
    return ms.Tensor.from_numpy(aligned_array(rows))


def make_ours(
    name: str, network: nn.Cell, options: argparse.Namespace, activation: nn.Cell | None = None
) -> tuple[Any, int]:
    """The explainer of fastxai, and how many images it has to score."""
    from fastxai.explainer import RISE, Occlusion

    activation = activation or nn.Softmax()
    if name == "rise":
        rise = RISE(
            network, activation, options.batch, num_masks=options.masks, seed=0, engine="mindspore"
        )
        return rise, options.masks
    window = 224 // options.windows_per_axis
    occlusion = Occlusion(network, activation, options.batch, window=window, engine="mindspore")
    return occlusion, 1 + options.windows_per_axis**2


def make_peer(name: str, network: nn.Cell, options: argparse.Namespace) -> tuple[Any, int]:
    """mindspore_xai's explainer, and how many images it has to score."""
    from mindspore_xai.explainer import RISE, Occlusion  # type: ignore[import-not-found]

    if name == "rise":
        rise = RISE(network, nn.Softmax(), options.batch)
        rise._num_masks = options.masks
        return rise, options.masks
    occlusion = Occlusion(network, nn.Softmax(), options.batch)
    occlusion._num_sample_per_dim = options.windows_per_axis
    return occlusion, 1 + options.windows_per_axis**2


class PairedRun:
    """A run of fastxai with a bare forward pass after each of its batches.

    Explainer and bare pass take turns batch by batch, so that a slow minute of the machine slows
    both. The turn is taken in the `progress` callable, part of the explainers' interface.

    Args:
        explainer: fastxai's.
        bare: Network and activation on a precomputed random batch, waiting for the result.
        counted: Share of the images scored that are not padding. The bare passes are charged for
            no others.
    """

    def __init__(self, explainer: Any, bare: Callable[[], Any], counted: float) -> None:
        self._explainer = explainer
        self._bare = bare
        self._counted = counted
        self._left = clocks()  # when the last turn ended

    def __call__(self, inputs: ms.Tensor) -> dict[str, Any]:
        """Seconds of the explainer and of the bare passes, in all and batch by batch."""
        turns: list[np.ndarray] = []
        bare: list[np.ndarray] = []

        def take_turn(done: int, total: int) -> None:
            arrived = clocks()
            turns.append(arrived - self._left)
            self._bare()
            self._left = clocks()
            bare.append(self._left - arrived)

        start = self._left = clocks()
        saliency = self._explainer(inputs, TARGET_CLASS, progress=take_turn).asnumpy()
        own_s, own_cpu_s = clocks() - start - np.sum(bare, axis=0)
        bare_s, bare_cpu_s = self._counted * np.sum(bare, axis=0)
        return {
            "explainer_s": float(own_s),
            "bare_s": float(bare_s),
            "beyond": float(own_s / bare_s - 1.0),
            "beyond_cpu": float(own_cpu_s / bare_cpu_s - 1.0),
            "per_batch": [float(a[0] / b[0] - 1.0) for a, b in zip(turns, bare, strict=True)],
            "map": saliency,
        }


def measure_pair(name: str, options: argparse.Namespace, inputs: ms.Tensor) -> dict[str, Any]:
    """fastxai, the bare passes and mindspore_xai in turns."""
    from fastxai.perturbation.batches import even_batch

    network = make_resnet50()
    ours, images = make_ours(name, network, options)
    rows = even_batch(images, ours._perturbation_per_eval)
    batches = -(-images // rows)
    stack = aligned_stack(rows)
    bare_cell = Bare(network)
    paired = PairedRun(ours, lambda: bare_cell(stack).asnumpy(), images / (batches * rows))
    peer_network = make_resnet50()
    theirs, _ = make_peer(name, peer_network, options)
    bare_cell(stack).asnumpy()
    first_batch(ours, inputs)
    warm_up_peer(name, theirs, inputs)
    runs, peer_seconds, peer_map = [], [], np.empty(0)
    repeats = options.repeats if name == "rise" else options.occlusion_repeats
    for repeat in range(repeats):
        order = timing.rotation(["ours", "peer"], repeat)
        for contender in order:
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


class _EnoughError(Exception):
    """Ends a run of fastxai after its first batch."""


def first_batch(explainer: Any, inputs: ms.Tensor) -> None:
    """Runs the first batch of an explanation: what is compiled once is compiled then."""

    def stop(done: int, total: int) -> None:
        raise _EnoughError

    with contextlib.suppress(_EnoughError):
        explainer(inputs, TARGET_CLASS, progress=stop)


def warm_up_peer(name: str, theirs: Any, inputs: ms.Tensor) -> None:
    """The same for mindspore_xai. Its Occlusion compiles anew in every call in GRAPH mode."""
    attribute, few = ("_num_masks", 32) if name == "rise" else ("_num_sample_per_dim", 5)
    full = getattr(theirs, attribute)
    setattr(theirs, attribute, few)
    theirs(inputs, TARGET_CLASS)
    setattr(theirs, attribute, full)


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
    ours, _ = make_ours(name, network, options, ExitStamp(nn.Softmax(), exits))
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
    make = make_peer if options.library == "peer" else make_ours
    explainer, images = make(name, make_resnet50(), options)
    if options.library == "ours":
        first_batch(explainer, inputs)  # compiles; not done for the peer, which takes minutes
    elif name == "rise":
        explainer._num_classes = 1000  # spares the peer one forward pass that it makes once
    start = time.perf_counter()
    explainer(inputs, TARGET_CLASS).asnumpy()
    seconds = time.perf_counter() - start
    note(f"{options.library} {name}: {images} images in {seconds:.1f} s")
    return {"explainer": name, "images": images, "seconds": seconds}


def note(text: str) -> None:
    """Progress for whoever waits."""
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> None:
    """Runs what the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("pair", "inside", "alone"))
    parser.add_argument("--library", choices=("ours", "peer"), default="ours")
    parser.add_argument("--mode", choices=("pynative", "graph"), default="pynative")
    parser.add_argument("--explainers", nargs="+", default=["rise", "occlusion"])
    parser.add_argument("--masks", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--windows-per-axis", type=int, default=_PEER_WINDOWS_PER_AXIS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--occlusion-repeats", type=int, default=1)
    options = parser.parse_args()
    if options.what != "alone" or options.library == "ours":
        import fastxai  # noqa: F401  as a user has it: imported before any primitive

    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    measure = {"pair": measure_pair, "inside": measure_inside, "alone": measure_alone}
    run = functools.partial(measure[options.what], options=options, inputs=picture())
    checks = check_maps(options, picture()) if options.what == "pair" else []
    print(json.dumps({"checks": checks, "rows": [run(name) for name in options.explainers]}))


if __name__ == "__main__":
    main()
