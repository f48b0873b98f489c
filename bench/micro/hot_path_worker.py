"""One process of bench/micro/hot_path.py: a mode, on as many cores as given."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

import fastxai
from bench.common import processes, timing
from bench.common.networks import SliceNetwork
from fastxai.explainer import RISE
from fastxai.ops import (
    MaskSpec,
    SaliencySums,
    masked_product,
    saliency_accumulate,
    saliency_expand,
)

TARGET_CLASS = 1


def ops_path(image: Any, num_masks: int, batch: int) -> Callable[[], Any]:
    """The ops of a run, batch by batch into one buffer; scores are pixels of the product."""
    spec = MaskSpec(seed=0, size=image.shape[1:])
    out = np.empty((batch, *image.shape), np.float32)

    def run() -> Any:
        sums = SaliencySums.zeros(spec, targets=1)
        for first in range(0, num_masks, batch):
            masked_product(image, spec, first, batch, out=out, backend="native")
            scores = np.ascontiguousarray(out[:, 0, 0, TARGET_CLASS : TARGET_CLASS + 1])
            saliency_accumulate(scores, spec, first, sums, backend="native")
        return saliency_expand(sums.sums, spec.size, backend="native")[0] / num_masks

    return run


def contenders(image: Any, options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Whole runs of `options.masks` masks, and the network alone as often as in a run."""
    network, identity = SliceNetwork(), nn.Identity()
    inputs = ms.Tensor(image[None])
    stack = ms.Tensor(image[None].repeat(options.batch, axis=0))
    ours = RISE(
        network, identity, options.batch, num_masks=options.masks, seed=0, estimator="plain"
    )

    def network_alone() -> None:
        for _ in range(options.masks // options.batch):
            identity(network(stack)).asnumpy()

    made: dict[str, Callable[[], Any]] = {
        "fastxai_ops": ops_path(image, options.masks, options.batch),
        "fastxai_rise": functools.partial(ours, inputs, TARGET_CLASS, progress=False),
        "network_alone": network_alone,
    }
    try:
        from mindspore_xai.explainer import RISE as PeerRISE  # type: ignore # noqa: N811
    except ImportError:
        return made
    theirs = PeerRISE(network, identity, options.batch)
    theirs._num_masks = options.masks

    def masks_alone() -> None:
        for _ in range(options.masks // options.batch):
            theirs._generate_masks(inputs, options.batch)

    made["peer_rise"] = functools.partial(theirs, inputs, TARGET_CLASS)
    made["peer_masks"] = masks_alone
    return made


def check(runs: dict[str, Callable[[], Any]], masks: int) -> list[str]:
    """Maps of the contenders against each other.

    The peer's masks are others than ours: a mean of N scores between 0 and twice their mean has a
    relative error of about 1 / sqrt(N), of which five are allowed.

    Raises:
        AssertionError: A map is wrong.
    """
    exact = runs["fastxai_ops"]()
    ours = runs["fastxai_rise"]().asnumpy()[0, 0]
    difference = float(np.abs(ours - exact).max())
    assert difference <= 1e-6, f"the ops and RISE differ by {difference}"
    found = [f"fastxai's ops and its RISE give the same map (difference {difference:.1g})"]
    if "peer_rise" in runs:
        np.random.seed(0)
        theirs = runs["peer_rise"]().asnumpy()[0, 0]
        ratio = float(theirs.mean() / ours.mean())
        limit = 5.0 / masks**0.5
        assert abs(ratio - 1.0) <= limit, f"mean of mindspore_xai's map over fastxai's: {ratio}"
        found.append(f"mean of mindspore_xai's map is {ratio:.3f} of fastxai's (other masks)")
    return found


def figures(samples: dict[str, list[float]], masks: int) -> dict[str, Any]:
    """Microseconds a mask without the network, and speed-ups over the peer."""
    alone = samples["network_alone"]
    own = dict(samples)
    for name in ("fastxai_rise", "peer_rise"):
        if name in samples:
            own[name] = [
                total - network for total, network in zip(samples[name], alone, strict=True)
            ]
    speedups = {}
    if "peer_rise" in own:
        for name in ("fastxai_ops", "fastxai_rise"):
            speedups[name] = timing.summary(timing.ratios(own["peer_rise"], own[name]))
    return {
        "us_per_mask": {
            name: timing.summary([seconds / masks * 1e6 for seconds in values])
            for name, values in own.items()
        },
        "speedup_over_peer": speedups,
    }


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Measures in this process."""
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    fastxai.set_num_threads(1)
    shape = (3, options.size, options.size)
    image = np.random.default_rng(0).random(shape, np.float32) + np.float32(0.5)
    runs = contenders(image, options)
    checks = check(runs, options.masks)
    samples = timing.interleave(runs, options.repeats, calls=timing.equal_calls(runs))
    return {
        "cores": options.cores or len(os.sched_getaffinity(0)),
        "mode": options.mode,
        "wall": figures(samples.wall, options.masks),
        "cpu": figures(samples.cpu, options.masks),
        "checks": checks,
    }


if __name__ == "__main__":
    processes.work(answer)
