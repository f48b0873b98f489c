"""The gradient explainers on ResNet50 at 224x224: fastxai, mindspore_xai 1.8.1, a bare pass.

A process per mode and number of images, under ONEDNN_MAX_CPU_ISA=AVX2. mindspore_xai's GradCAM
fails on MindSpore 2.10 and its GuidedBackprop and Deconvolution return each other's maps; the work
is the same, so they are timed. It does not claim the two for GRAPH mode, where its maps are neither
of them; those times are for information.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.common import processes, record
from bench.common.machine import LIMITED

MODES = ["pynative", "graph"]
# "Never slower" is judged on the median of ratios of neighbours in time. Two runs of the same code
# differ by a few per cent here, so a ratio above this counts as equal.
EQUAL = 0.97
OPTIONS = {
    "modes": record.Option(MODES, choices=MODES),
    "images": record.Option([1, 16]),
    "repeats": record.Option(15, "below 8 images"),
    "large_repeats": record.Option(5, "from 8 images on"),
    "add": record.Option(False, "keep the results of what is not measured"),
}


def measure_rows(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of every mode, number of images and explainer, and what was checked."""
    rows, checks = [], []
    for mode in options.modes:
        for images in options.images:
            about = {key: record.header()[key] for key in ("made", "commit", "load_before")}
            repeats = options.repeats if images < 8 else options.large_repeats
            asked = {"mode": mode, "images": images, "repeats": repeats}
            print(f"{mode}, {images} image(s)", flush=True)
            answer = processes.ask_worker("bench.micro.gradients_worker", asked, LIMITED)
            checks += answer["checks"]
            rows += [{"mode": mode, "images": images, **about, **row} for row in answer["rows"]]
    return rows, checks


def joined(before: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an earlier run, those in place of which there are new ones exchanged."""
    new = {(row["mode"], row["images"], row["explainer"]): row for row in rows}
    kept = {(row["mode"], row["images"], row["explainer"]): row for row in before}
    return list((kept | new).values())


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the chosen modes and numbers of images."""
    rows, checks = measure_rows(options)
    if options.add:
        before = json.loads((options.results / "gradients.json").read_text(encoding="utf-8"))
        rows, checks = joined(before["results"], rows), [*before["checks"], *checks]
    targets = [
        record.target(
            f"{row['explainer']} {row['mode']}, {row['images']} image(s): times the peer's speed",
            row["speedup"]["median"],
            EQUAL,
            at_least=True,
        )
        for row in rows
        if row["speedup"] and row["peer_is_right"]
    ]
    return record.Outcome(rows, checks, targets)


if __name__ == "__main__":
    record.main("gradients", __doc__, OPTIONS, measure)
