"""Peak memory of RISE and Occlusion beyond what the network's own forward passes need.

Every case runs in a fresh process that imports everything, makes the network and either scores one
random batch four times (the bare process) or explains one image; its figure is the kernel's
high-water mark of resident memory, VmHWM. "Beyond" is the explaining process minus the bare one of
the same network, mode and batch size. The bound is one batch plus 50 MB, whatever the number of
masks or windows.

With `--engines openvino onnxruntime` these score, and the bare process makes the engine as an
explainer does (export, compilation, comparison with MindSpore) before it scores. Such a run is
written to `memory_engines.json`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from bench.common import processes, record

MARGIN = 50e6  # bytes beyond one batch
SIZE = 224
MINDSPORE = "mindspore"
CASES: tuple[dict[str, Any], ...] = (
    {"explainer": "rise", "network": "cheap", "count": 64},
    {"explainer": "rise", "network": "cheap", "count": 1024},
    {"explainer": "rise", "network": "cheap", "count": 4096},
    {"explainer": "occlusion", "network": "cheap", "count": 1024},
    {"explainer": "occlusion", "network": "cheap", "count": 3136},
    {"explainer": "rise", "network": "resnet50", "count": 128},
    {"explainer": "occlusion", "network": "resnet50", "count": 64},
)
PEER_CASES: tuple[dict[str, Any], ...] = (
    {"explainer": "rise", "network": "cheap", "count": 1024},
    {"explainer": "occlusion", "network": "cheap", "count": 1024},
)


BARE_PASSES = 4


def peak_bytes() -> int:
    """VmHWM of this process: the most memory it ever had resident."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def make_explainer(options: argparse.Namespace, network: Any, side: int) -> Any:
    """The explainer of either library; `side` is windows per axis."""
    from mindspore import nn

    softmax = nn.Softmax()
    if options.library == "peer":
        from mindspore_xai.explainer import RISE as PeerRISE  # type: ignore # noqa: N811
        from mindspore_xai.explainer import Occlusion as PeerOcclusion

        if options.explainer == "occlusion":
            made = PeerOcclusion(network, softmax, options.batch)
            made._num_sample_per_dim = side
            return made
        made = PeerRISE(network, softmax, options.batch)
        made._num_masks = options.count
        return made
    from fastxai.explainer import RISE, Occlusion

    if options.explainer == "occlusion":
        return Occlusion(
            network, softmax, options.batch, window=SIZE // side, engine=options.engine
        )
    return RISE(
        network, softmax, options.batch, num_masks=options.count, seed=0, engine=options.engine
    )


def bare_passes(network: Any, batch: int, random: Any) -> None:
    """What an explainer cannot do without: a batch through the network and softmax."""
    import mindspore as ms
    import numpy as np
    from mindspore import nn

    scores = nn.SequentialCell(network, nn.Softmax())
    inputs = ms.Tensor.from_numpy(random.standard_normal((batch, 3, SIZE, SIZE), np.float32))
    for _ in range(BARE_PASSES):
        scores(inputs).asnumpy()


def bare_engine(network: Any, options: argparse.Namespace, random: Any) -> None:
    """The same by another engine, which is made first."""
    import numpy as np
    from mindspore import nn

    from fastxai.explainer import RISE

    shape = (options.batch, 3, SIZE, SIZE)

    def fill(copies: np.ndarray) -> None:
        random.standard_normal(out=copies, dtype=np.float32)

    explainer = RISE(network, nn.Softmax(), options.batch, engine=options.engine)
    explainer._selector.start()
    engine = explainer._backend.engine_for(shape, options.batch, fill)
    assert engine is not None
    inputs = np.empty(shape, np.float32)
    fill(inputs)
    for _ in range(BARE_PASSES):
        engine(inputs)


def worker(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of this process after one explanation, or after the bare passes."""
    import mindspore as ms
    import numpy as np

    from bench.common.networks import PoolNetwork
    from bench.common.resnet50 import make_resnet50

    ms.set_context(mode=ms.GRAPH_MODE if options.mode == "graph" else ms.PYNATIVE_MODE)
    network = make_resnet50() if options.network == "resnet50" else PoolNetwork()
    network.set_train(False)
    random = np.random.default_rng(0)
    if options.explainer == "bare" and options.engine != MINDSPORE:
        bare_engine(network, options, random)
    elif options.explainer == "bare":
        bare_passes(network, options.batch, random)
    else:
        explainer = make_explainer(options, network, round(options.count**0.5))
        inputs = ms.Tensor(random.standard_normal((1, 3, SIZE, SIZE)).astype(np.float32))
        saliency = explainer(inputs, 1).asnumpy()
        assert saliency.shape == (1, 1, SIZE, SIZE)
        assert np.isfinite(saliency).all()
    return {"peak_bytes": peak_bytes()}


def run_case(case: dict[str, Any], library: str, mode: str, batch: int) -> int:
    """Peak bytes of one case in a process of its own."""
    arguments = ["--worker", "--library", library, "--mode", mode, "--batch", str(batch)]
    for name, value in case.items():
        arguments += [f"--{name}", str(value)]
    limit = {"ONEDNN_MAX_CPU_ISA": "AVX2"} if case["engine"] == MINDSPORE else {}
    figures = processes.run_worker("bench.micro.memory", arguments, limit)
    return int(figures["peak_bytes"])


def measure(
    case: dict[str, Any], library: str, mode: str, batch: int, bare: dict[tuple[str, ...], int]
) -> dict[str, Any]:
    """One case against the bare process of its network, engine and mode, printed."""
    key = (mode, case["engine"], case["network"])
    if key not in bare:
        nothing = {**case, "explainer": "bare", "count": 0}
        bare[key] = run_case(nothing, "ours", mode, batch)
    peak = run_case(case, library, mode, batch)
    batch_bytes = batch * 3 * SIZE * SIZE * 4
    row = {
        "library": library,
        "mode": mode,
        **case,
        "peak_bytes": peak,
        "bare_peak_bytes": bare[key],
        "batch_bytes": batch_bytes,
        "beyond_bytes": peak - bare[key],
        "limit_bytes": batch_bytes + MARGIN,
    }
    print(
        f"{library:<5} {case['engine']:<11} {mode:<8} {case['explainer']:<9} {case['network']:<8} "
        f"{case['count']:>5}: {row['beyond_bytes'] / 1e6:6.1f} MB beyond the bare passes "
        f"(one batch {batch_bytes / 1e6:.1f} MB, limit {row['limit_bytes'] / 1e6:.1f})",
        flush=True,
    )
    return row


def main() -> None:
    """Measures every case in every mode, and the peer for information."""
    parser = record.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--modes", nargs="+", default=["pynative", "graph"])
    parser.add_argument("--engines", nargs="+", default=[MINDSPORE], metavar="ENGINE")
    parser.add_argument("--no-resnet50", action="store_true", help="leave out the slow network")
    parser.add_argument("--no-peer", action="store_true", help="leave out mindspore_xai")
    for name in ("library", "mode", "explainer", "network", "engine"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(worker(options)))
        return
    about = record.header()
    record.print_header(about)
    cases = [c for c in CASES if not (options.no_resnet50 and c["network"] == "resnet50")]
    bare: dict[tuple[str, ...], int] = {}
    rows = [
        measure({**case, "engine": engine}, "ours", mode, options.batch, bare)
        for engine in options.engines
        for mode in options.modes
        for case in cases
    ]
    has_peer = about["versions"]["mindspore-xai"] != "not installed" and not options.no_peer
    if has_peer and MINDSPORE in options.engines:
        rows += [
            measure({**case, "engine": MINDSPORE}, "peer", "pynative", options.batch, bare)
            for case in PEER_CASES
        ]
    targets = []
    for row in rows:
        if row["library"] == "ours":
            by = "" if row["engine"] == MINDSPORE else f", {row['engine']}"
            case = f"{row['explainer']} {row['mode']} {row['network']} {row['count']}{by}"
            what = f"{case}: bytes beyond"
            measured, limit = row["beyond_bytes"], row["limit_bytes"]
            targets.append(record.target(what, measured, limit, at_least=False))
    settings = {"batch": options.batch, "size": SIZE, "margin_bytes": MARGIN}
    checks = ["every map has the right shape and is finite"]
    name = "memory" if options.engines == [MINDSPORE] else "memory_engines"
    record.write(options.results, name, about, settings, rows, checks, targets)


if __name__ == "__main__":
    main()
