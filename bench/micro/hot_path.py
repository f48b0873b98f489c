"""RISE without a network: masks, product and sum per mask, fastxai against mindspore_xai.

The peer's RISE is called as a user calls it, with a network that returns a slice of its input;
the time of that network alone, measured in the same repeat, is subtracted. fastxai is measured
as its ops (`masked_product`, `saliency_accumulate`, `saliency_expand`) and as its RISE with the
same network and the same subtraction. The peer's mask generation is also timed alone. Samples of
all contenders take about equally long.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
from collections.abc import Callable
from typing import Any

from bench.common import processes, record, timing

GOAL = 25.0  # times the speed of mindspore_xai 1.8.1
TARGET_CLASS = 1
RUNS = ((1, "pynative"), (1, "graph"), (0, "pynative"))  # cores (0: all) and mode
NAMES = {
    "fastxai_ops": "fastxai ops",
    "fastxai_rise": "fastxai RISE",
    "peer_rise": "mindspore_xai 1.8.1 RISE",
    "peer_masks": "mindspore_xai 1.8.1 masks",
}


def ops_path(image: Any, num_masks: int, batch: int) -> Callable[[], Any]:
    """The ops of a run, batch by batch into one buffer; scores are pixels of the product."""
    import numpy as np

    from fastxai.ops import (
        MaskSpec,
        SaliencySums,
        masked_product,
        saliency_accumulate,
        saliency_expand,
    )

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
    import mindspore as ms
    from mindspore import nn

    from bench.common.networks import SliceNetwork
    from fastxai.explainer import RISE

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
    import numpy as np

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


def worker(options: argparse.Namespace) -> dict[str, Any]:
    """Measures in this process, on as many cores as given."""
    if options.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    import mindspore as ms
    import numpy as np

    import fastxai

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


def show(row: dict[str, Any]) -> None:
    """Prints one process's figures."""
    print(f"{row['mode']}, process on {row['cores']} core(s), fastxai on one thread:")
    for name, title in NAMES.items():
        line = f"  {title:<25}"
        for clock in ("wall", "cpu"):
            if name not in row[clock]["us_per_mask"]:
                line += " not installed here"
                break
            micro = row[clock]["us_per_mask"][name]
            line += f" {clock} {micro['median']:.1f} ({micro['q1']:.1f} .. {micro['q3']:.1f}) us"
            if name in row[clock]["speedup_over_peer"]:
                line += f", {row[clock]['speedup_over_peer'][name]['median']:.1f}x;"
        print(line)
    print(f"  subtracted: {row['wall']['us_per_mask']['network_alone']['median']:.1f} us a mask")


def main() -> None:
    """Measures in a process on one core (the target) in each mode, then on all cores."""
    parser = record.parser(__doc__)
    parser.add_argument("--masks", type=int, default=512, help="masks per run")
    parser.add_argument("--batch", type=int, default=32, help="divides --masks")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=15)
    for hidden, default in (("--mode", "pynative"), ("--cores", "0")):
        parser.add_argument(hidden, type=type(default), default=default, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.cores = int(options.cores)
    if options.masks % options.batch:
        parser.error("--batch must divide --masks")
    if options.worker:
        print(json.dumps(worker(options)))
        return
    about = record.header()
    record.print_header(about)
    settings = {name: getattr(options, name) for name in ("masks", "batch", "size", "repeats")}
    given = [text for key, value in settings.items() for text in (f"--{key}", str(value))]
    rows = []
    for cores, mode in RUNS:
        row = processes.run_worker(
            "bench.micro.hot_path",
            ["--worker", "--cores", str(cores), "--mode", mode, *given],
            {"OMP_NUM_THREADS": "1"},
        )
        show(row)
        rows.append(row)
    targets = []
    speedups = rows[0]["wall"]["speedup_over_peer"]
    if speedups:
        what = "hot path of RISE per mask, times mindspore_xai 1.8.1's speed, one core"
        ratio = speedups["fastxai_ops"]["median"]
        targets.append(record.target(what, ratio, GOAL, at_least=True))
    record.write(options.results, "hot_path", about, settings, rows, rows[0]["checks"], targets)


if __name__ == "__main__":
    main()
