"""RISE and Occlusion of ResNet50 at 224x224: fastxai, mindspore_xai 1.8.1, the bare network.

Parts, each in processes of its own:
  pair       fastxai, bare forward passes and mindspore_xai in turns; all run under
             ONEDNN_MAX_CPU_ISA=AVX2
  inside     share of a fastxai run spent inside the forward passes (PYNATIVE)
  installed  fastxai and mindspore_xai without that variable, on few images
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bench.common import processes, record
from bench.common.machine import INSTALLED, LIMITED

WORKER = "bench.peers.explainers_worker"
GOAL = 0.02  # of the bare forward passes
_PARTS = ["pair", "inside", "installed"]
_MODES = ["pynative", "graph"]
_EXPLAINERS = ["rise", "occlusion"]
OPTIONS = {
    "parts": record.Option(_PARTS, choices=_PARTS),
    "modes": record.Option(_MODES, choices=_MODES),
    "explainers": record.Option(_EXPLAINERS, choices=_EXPLAINERS),
    "masks": record.Option(256),
    "batch": record.Option(32),
    "windows_per_axis": record.Option(32),
    "repeats": record.Option(3, "of RISE"),
    "occlusion_repeats": record.Option(2),
    "slow_batch": record.Option(4, "images per batch of mindspore_xai as installed"),
}


def measure_pairs(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of every mode and explainer, and what was checked."""
    rows, checks = [], []
    for mode in options.modes:
        print(f"{mode}, ONEDNN_MAX_CPU_ISA=AVX2, in turns:", flush=True)
        repeats = {"rise": options.repeats, "occlusion": options.occlusion_repeats}
        asked = {**whole(options), "what": "pair", "mode": mode, "repeats": repeats}
        answer = processes.ask_worker(WORKER, asked, LIMITED)
        checks += answer["checks"]
        rows += [{**row, "mode": mode} for row in answer["rows"]]
    return rows, checks


def measure_inside(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One run of each explainer with stamps around the network."""
    print("pynative, time inside the forward passes:", flush=True)
    asked = {**whole(options), "what": "inside", "mode": "pynative"}
    return list(processes.ask_worker(WORKER, asked, LIMITED)["rows"])


def rates_installed(
    library: str, mode: str, explainers: list[str], batch: int, python: str = sys.executable
) -> list[dict[str, Any]]:
    """Images a second of a library without the variable, on few images."""
    windows = {"peer": 4, "ours": 64}[library]
    counts = {name: 2 * batch if name == "rise" else windows for name in explainers}
    asked = {"what": "alone", "library": library, "mode": mode, "batch": batch, "counts": counts}
    rows = processes.ask_worker(WORKER, asked, INSTALLED, python=python)["rows"]
    return [{**row, "images_per_s": row["images"] / row["seconds"]} for row in rows]


def measure_installed(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Both libraries without the variable; the time of a whole run is extrapolated."""
    print("without the variable, few images, whole runs extrapolated:", flush=True)
    full = {"rise": options.masks, "occlusion": 1 + options.windows_per_axis**2}
    rows = []
    for library, batch in (("peer", options.slow_batch), ("ours", options.batch)):
        for mode in options.modes:
            for row in rates_installed(library, mode, options.explainers, batch):
                images = full[row["explainer"]]
                seconds = images / row["images_per_s"]
                about = {"library": library, "mode": mode, "whole_images": images}
                rows.append({**row, **about, "whole_s_extrapolated": seconds})
    return rows


def whole(options: argparse.Namespace) -> dict[str, Any]:
    """What a worker gets for whole explanations by fastxai."""
    counts = {"rise": options.masks, "occlusion": options.windows_per_axis**2}
    counts = {name: counts[name] for name in options.explainers}
    return {"library": "ours", "batch": options.batch, "counts": counts}


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the chosen parts; at most 2 % beyond the bare passes is the target."""
    results: dict[str, Any] = {}
    checks: list[str] = []
    if "pair" in options.parts:
        results["pair"], checks = measure_pairs(options)
    if "inside" in options.parts:
        results["inside"] = measure_inside(options)
    if "installed" in options.parts:
        results["installed"] = measure_installed(options)
    targets = [
        record.target(
            f"{row['explainer']} {row['mode']}: time beyond the bare forward passes",
            row["beyond"]["median"],
            GOAL,
            at_least=False,
        )
        for row in results.get("pair", [])
    ]
    return record.Outcome(results, checks, targets)


if __name__ == "__main__":
    record.main("explainers", __doc__, OPTIONS, measure)
