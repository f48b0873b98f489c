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
from typing import Any

from bench.common import processes, record

MARGIN = 50e6  # bytes beyond one batch
SIZE = 224
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
OPTIONS = {
    "batch": record.Option(32),
    "modes": record.Option(["pynative", "graph"]),
    "engines": record.Option(["mindspore"]),
    "no_resnet50": record.Option(False, "leave out the slow network"),
    "no_peer": record.Option(False, "leave out mindspore_xai"),
}


def peak(case: dict[str, Any]) -> int:
    """Peak bytes of one case in a process of its own."""
    limit = {"ONEDNN_MAX_CPU_ISA": "AVX2"} if case["engine"] == "mindspore" else {}
    return int(processes.ask_worker("bench.micro.memory_worker", case, limit)["peak_bytes"])


def measure_case(case: dict[str, Any], bare: dict[tuple[str, ...], int]) -> dict[str, Any]:
    """One case against the bare process of its network, engine and mode, printed."""
    key = (case["mode"], case["engine"], case["network"])
    if key not in bare:
        bare[key] = peak({**case, "library": "ours", "explainer": "bare"})
    peak_bytes, batch_bytes = peak(case), case["batch"] * 3 * SIZE * SIZE * 4
    row = {
        **{name: value for name, value in case.items() if name != "batch"},
        "peak_bytes": peak_bytes,
        "bare_peak_bytes": bare[key],
        "batch_bytes": batch_bytes,
        "beyond_bytes": peak_bytes - bare[key],
        "limit_bytes": batch_bytes + MARGIN,
    }
    print(f"{row['library']} {name_of(row)}: {row['beyond_bytes'] / 1e6:.1f} MB", flush=True)
    return row


def name_of(row: dict[str, Any]) -> str:
    """A case in words."""
    by = "" if row["engine"] == "mindspore" else f", {row['engine']}"
    return f"{row['explainer']} {row['mode']} {row['network']} {row['count']}{by}"


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures every case in every mode, and the peer for information."""
    common = {"batch": options.batch}
    cases = [
        {"library": "ours", "mode": mode, **case, "engine": engine, **common}
        for engine in options.engines
        for mode in options.modes
        for case in CASES
        if not (options.no_resnet50 and case["network"] == "resnet50")
    ]
    has_peer = record.versions()["mindspore-xai"] != "not installed" and not options.no_peer
    if has_peer and "mindspore" in options.engines:
        peer = {"library": "peer", "mode": "pynative"}
        cases += [{**peer, **case, "engine": "mindspore", **common} for case in PEER_CASES]
    bare: dict[tuple[str, ...], int] = {}
    rows = [measure_case(case, bare) for case in cases]
    targets = [
        record.target(
            f"{name_of(row)}: bytes beyond",
            row["beyond_bytes"],
            row["limit_bytes"],
            at_least=False,
        )
        for row in rows
        if row["library"] == "ours"
    ]
    checks = ["every map has the right shape and is finite"]
    settings = {"size": SIZE, "margin_bytes": MARGIN}
    return record.Outcome(rows, checks, targets, settings)


def result_name(options: argparse.Namespace) -> str:
    """Other engines have a result of their own."""
    return "memory" if options.engines == ["mindspore"] else "memory_engines"


if __name__ == "__main__":
    record.main(result_name, __doc__, OPTIONS, measure)
