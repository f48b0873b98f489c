"""The CUDA ops on a GPU: against the device's own write speed, PyTorch, and bare forward passes.

    python -m bench.gpu            (bench/gpu.sh builds and tests before it)

Times are of replays of CUDA graphs, contenders in turn, medians with quartiles. Each section runs
in a process of its own; gpu.json is written after each.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from bench.common import record
from bench.common.sections import SectionResults, collect, in_a_process
from bench.gpu_sections import BATCH, SECTIONS, SIZE
from fastxai.ops import cuda

OPTIONS = {
    "repeats": record.Option(31),
    "masks": record.Option(6000, "of RISE on ResNet50"),
    "sections": record.Option(list(SECTIONS), "what to measure", list(SECTIONS)),
}
FILL_GOAL, EAGER_GOAL, COMPILED_GOAL, FORWARD_GOAL = 0.85, 10.0, 5.0, 1.05


def device_info() -> dict[str, str]:
    """The GPU, its driver and the versions that matter."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "gpu": torch.cuda.get_device_name(),
        "nvidia_smi": found,
        "torch": torch.__version__,
        "cuda": str(torch.version.cuda),
    }


def goals(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The targets that these results answer; of a section that failed there are none."""
    lines = []
    for row in results.get("products") or []:
        if row["layout"] == "NCHW" and row["design"] == "iid" and row["dtype"] != "float16":
            what = f"masked_product {row['dtype']} on a GPU, share of the fill"
            median = row["share_of_fill"]["median"]
            lines.append(record.target(what, median, FILL_GOAL, at_least=True))
    times = (results.get("hot_path") or {}).get("times_ours", {})
    for name, goal in (
        ("pytorch, one shift a batch", EAGER_GOAL),
        ("torch.compile, one shift a batch", COMPILED_GOAL),
    ):
        if name in times:
            what = f"masks, products and sums on a GPU, times faster than {name}"
            lines.append(record.target(what, times[name]["median"], goal, at_least=True))
    if results.get("resnet50"):
        what = "RISE of ResNet50 on a GPU over its bare forward passes"
        median = results["resnet50"]["ratio"]["median"]
        lines.append(record.target(what, median, FORWARD_GOAL, at_least=False))
    return lines


def outcome(found: SectionResults, about: Mapping[str, Any]) -> record.Outcome:
    """The record of the sections so far."""
    results = {name: value for name, value in found.results.items() if name != "check"}
    settings = {"batch": BATCH, "size": SIZE}
    checks = found.results.get("check") or []
    more = {**about, "failed": found.failed}
    return record.Outcome(results, checks, goals(results), settings, more)


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Measures everything, a section after the other."""
    if not torch.cuda.is_available():
        raise SystemExit("bench.gpu: PyTorch sees no NVIDIA GPU: nothing was measured")
    about = {"device": device_info(), "library": cuda.cuda_info()}
    print(about["device"])
    passed_on = ["--repeats", str(options.repeats), "--masks", str(options.masks)]
    limits = {name: SECTIONS[name][1] for name in SECTIONS if name in options.sections}
    found = None
    for found in collect(limits, in_a_process("bench.gpu_sections", passed_on)):
        yield outcome(found, about)
    if found is not None and found.failed:
        raise SystemExit(f"bench.gpu: failed: {', '.join(found.failed)}")


if __name__ == "__main__":
    record.main("gpu", __doc__, OPTIONS, measure)
