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

WORKER = "bench.micro.gradients_worker"
MODES = ("pynative", "graph")
LIMITED = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": None}
# "Never slower" is judged on the median of ratios of neighbours in time. Two runs of the same code
# differ by a few per cent here, so a ratio above this counts as equal.
EQUAL = 0.97


def measure(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of every mode, number of images and explainer, and what was checked."""
    rows, checks = [], []
    for mode in options.modes:
        for images in options.images:
            arguments = ["--mode", mode, "--images", str(images)]
            about = {key: record.header()[key] for key in ("made", "commit", "load_before")}
            repeats = options.repeats if images < 8 else options.large_repeats
            answer = processes.run_worker(WORKER, [*arguments, "--repeats", str(repeats)], LIMITED)
            checks += answer["checks"]
            for row in answer["rows"]:
                rows.append({"mode": mode, "images": images, **about, **row})
                print(_line(rows[-1]), flush=True)
    return rows, checks


def _line(row: dict[str, Any]) -> str:
    peer = f"{row['speedup']['median']:.2f}x mindspore_xai" if row["speedup"] else "no peer"
    peer += "'s wrong map" if row["speedup"] and not row["peer_is_right"] else ""
    return (
        f"{row['mode']}, {row['images']} image(s), {row['explainer']}: "
        f"{row['fastxai_s']['median'] * 1e3:.0f} ms, {peer}, "
        f"{row['over_bare']['median']:.2f} bare passes"
    )


def joined(before: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an earlier run, those in place of which there are new ones exchanged."""
    new = {(row["mode"], row["images"], row["explainer"]): row for row in rows}
    kept = {(row["mode"], row["images"], row["explainer"]): row for row in before}
    return list((kept | new).values())


def main() -> None:
    """Measures the chosen modes and numbers of images."""
    parser = record.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--images", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--repeats", type=int, default=15, help="below 8 images; 15 by default")
    parser.add_argument("--large-repeats", type=int, default=5, help="from 8 on; 5 by default")
    parser.add_argument(
        "--add", action="store_true", help="keep the results of what is not measured"
    )
    options = parser.parse_args()
    about = record.header()
    record.print_header(about)
    rows, checks = measure(options)
    if options.add:
        before = json.loads((options.results / "gradients.json").read_text(encoding="utf-8"))
        rows, checks = joined(before["results"], rows), [*before["checks"], *checks]
    settings = {k: v for k, v in vars(options).items() if k not in ("results", "add")}
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
    record.write(options.results, "gradients", about, settings, rows, checks, targets)


if __name__ == "__main__":
    main()
