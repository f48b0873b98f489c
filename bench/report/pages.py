"""Fills the tables of README.md and of pages under docs/ from bench/results/*.json.

A table stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; what was there is replaced.
Without a result file the table says which command makes it. docs/images/ops_cpu_*.png are drawn
from ops.json.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.common import record
from bench.common.machine import ROOT
from bench.peers import over_bare, sharing
from bench.quality import riseplus_designs
from bench.report import charts as ops_plots
from bench.report import micro as ops_tables
from bench.report import peers as engine_tables
from bench.report import quality as quality_tables
from bench.report.table import spread, table

PAGES = (
    "docs/performance.md",
    "docs/roofline.md",
    "docs/estimators.md",
    "docs/uncertainty.md",
    "docs/engines.md",
    "README.md",
)
IMAGES = ROOT / "docs" / "images"
_LIBRARIES = {"ours": "fastxai", "peer": "mindspore_xai 1.8.1"}
_ENGINES = {"openvino": ": OpenVINO", "onnxruntime": ": ONNX Runtime"}
_KNOWN = ("python", "mindspore", "mindspore-xai", "numpy", "pillow")  # others are named
_EXPLAINERS = {"rise": "RISE", "occlusion": "Occlusion"}
_MARKER = re.compile(r"(<!-- bench:([a-z0-9_]+) -->\n).*?(<!-- /bench:\2 -->)", re.DOTALL)


def origin(result: dict[str, Any]) -> str:
    """One line: machine, versions, commit, load, command."""
    box, versions = result["machine"], result["versions"]
    changed = " with uncommitted changes" if result["dirty"] else ""
    loads = f"{result['load_before'][0]:g} before, {result['load_after'][0]:g} after"
    others = [f"{name} {text}, " for name, text in versions.items() if name not in _KNOWN]
    return (
        f"{result['made'][:10]}, {box['cpu']} (family/model {box['family_model']}), "
        f"{box['usable_cores']} cores, {box['memory_gib']:g} GiB, {box['kernel']}; "
        f"Python {versions['python']}, MindSpore {versions['mindspore']}, "
        f"{''.join(others)}NumPy {versions['numpy']}; commit {result['commit'][:12]}{changed}; "
        f"load {loads}. `{result['command']}`\n"
    )


def masked_product(result: dict[str, Any]) -> str:
    """Bandwidths by number of threads."""
    rows = [
        [
            str(row["threads"]),
            *(f"{row['gb_per_s'][k]:.1f}" for k in ("masked_product", "stream_fill", "plain_fill")),
            spread(row["share_of_stream_fill"], ".2f"),
            f"{row['us_per_mask']:.1f}",
        ]
        for row in result["results"]
    ]
    head = ["threads", "masked_product GB/s", "streaming fill GB/s", "plain fill GB/s"]
    return table([*head, "share of the streaming fill", "µs a mask"], rows)


def hot_path(result: dict[str, Any]) -> str:
    """Microseconds a mask, by process and contender."""
    names = {
        "fastxai_ops": "fastxai: ops",
        "fastxai_rise": "fastxai: RISE",
        "peer_rise": "mindspore_xai 1.8.1: RISE",
        "peer_masks": "mindspore_xai 1.8.1: its masks alone",
    }
    rows = []
    for process in result["results"]:
        figures = process["wall"]
        for name, title in names.items():
            if name not in figures["us_per_mask"]:
                continue
            speed = figures["speedup_over_peer"].get(name)
            rows.append(
                [
                    f"{process['mode'].upper()}, {process['cores']} core(s)",
                    title,
                    spread(figures["us_per_mask"][name]),
                    spread(speed) if speed else "",
                ]
            )
    return table(["process", "what", "µs a mask", "times mindspore_xai's RISE"], rows)


def explainers(result: dict[str, Any]) -> str:
    """Whole explanations, in turns."""
    rows = []
    for row in result["results"].get("pair", []):
        rows.append(
            [
                f"{_EXPLAINERS[row['explainer']]}, {row['images']} images",
                row["mode"].upper(),
                spread(row["fastxai_s"]),
                spread(row["peer_s"]),
                spread(row["speedup"], ".2f"),
            ]
        )
    head = ["explanation", "mode", "fastxai s", "mindspore_xai 1.8.1 s", "times its speed"]
    return table(head, rows)


def overhead(result: dict[str, Any]) -> str:
    """What fastxai takes beyond the network's forward passes."""
    inside = {row["explainer"]: row for row in result["results"].get("inside", [])}
    rows = []
    for row in result["results"].get("pair", []):
        direct = inside.get(row["explainer"]) if row["mode"] == "pynative" else None
        rows.append(
            [
                _EXPLAINERS[row["explainer"]],
                row["mode"].upper(),
                f"{row['batches']} of {row['rows_per_batch']}",
                str(row["padding_rows"]),
                spread(row["beyond"], ".2f", 100.0),
                spread(row["beyond_per_batch"], ".2f", 100.0),
                spread(row["beyond_cpu"], ".2f", 100.0),
                f"{direct['beyond_inside'] * 100:.2f}" if direct else "",
            ]
        )
    head = ["explainer", "mode", "batches", "padding images", "whole runs %", "batch by batch %"]
    return table([*head, "processor time %", "beyond the time inside %"], rows)


def installed(result: dict[str, Any]) -> str:
    """Without the environment variable, extrapolated."""
    rows = [
        [
            _LIBRARIES[row["library"]],
            row["mode"].upper(),
            _EXPLAINERS[row["explainer"]],
            str(row["images"]),
            f"{row['images_per_s']:.2f}",
            f"{row['whole_s_extrapolated']:.0f}",
        ]
        for row in result["results"].get("installed", [])
    ]
    head = ["library", "mode", "explainer", "images measured", "images/s"]
    return table([*head, "whole explanation s (extrapolated)"], rows)


def gradients(result: dict[str, Any]) -> str:
    """The gradient explainers, by mode and number of images."""
    rows = []
    for row in result["results"]:
        peer = "fails"
        if row["speedup"]:
            wrong = "" if row["peer_is_right"] else ", of a wrong map"
            peer = spread(row["speedup"], ".2f") + wrong
        rows.append(
            [
                row["explainer"],
                row["mode"].upper(),
                str(row["images"]),
                spread(row["fastxai_s"], ".3f"),
                peer,
                spread(row["over_bare"], ".2f"),
            ]
        )
    head = ["explainer", "mode", "images", "fastxai s", "times mindspore_xai 1.8.1's speed"]
    return table([*head, "bare passes"], rows)


def memory(result: dict[str, Any]) -> str:
    """Peak beyond the network, by case."""
    rows = [
        [
            _LIBRARIES[row["library"]] + _ENGINES.get(row.get("engine", ""), ""),
            row["mode"].upper(),
            _EXPLAINERS[row["explainer"]],
            row["network"],
            str(row["count"]),
            f"{row['beyond_bytes'] / 1e6:.0f}",
            f"{row['limit_bytes'] / 1e6:.0f}" if row["library"] == "ours" else "",
        ]
        for row in result["results"]
    ]
    head = ["library", "mode", "explainer", "network", "masks or windows"]
    return table([*head, "MB beyond the network", "allowed MB"], rows)


def designs(result: dict[str, Any]) -> str:
    """Gain of every design and estimator, by number of masks."""
    rows = []
    for kinds in zip(*(row["kinds"] for row in result["results"]), strict=True):
        gains = [f"{k['gain']:.2f} ({k['least']:.2f} to {k['most']:.2f})" for k in kinds]
        rows.append([f"`{kinds[0]['design']}`", f"`{kinds[0]['estimator']}`", *gains])
    numbers = [f"{row['masks']} masks" for row in result["results"]]
    return table(["design", "estimator", *numbers], rows)


def gpu(result: dict[str, Any]) -> str:
    """Everything that was measured on a GPU."""
    found = result["results"]
    products = [
        [
            f"{row['dtype']}, {row['layout']}, {row['design']}",
            f"{row['gb_per_s']['product']:.0f}",
            f"{max(row['gb_per_s']['fill'], row['gb_per_s']['zero']):.0f}",
            spread(row["share_of_fill"], ".2f"),
        ]
        for row in found["products"]
    ]
    small = [[row["op"], spread(row["seconds"], ".1f", 1e6)] for row in found["others"]]
    path = [
        [name, spread(seconds, ".1f", 1e6), spread(found["hot_path"]["times_ours"][name], ".1f")]
        for name, seconds in found["hot_path"]["seconds"].items()
    ]
    text = table(["masked_product", "GB/s", "fill GB/s", "share of the fill"], products) + "\n"
    text += table(["op", "µs"], small) + "\n"
    text += table(["masks, products and sums of a batch", "µs", "times fastxai's"], path)
    rise = found["resnet50"]
    if rise is not None:
        row = [
            f"{rise['masks']} masks in {rise['batches']} batches of {rise['batch']}",
            spread(rise["seconds"]["rise"], ".2f"),
            spread(rise["seconds"]["bare"], ".2f"),
            spread(rise["ratio"], ".3f"),
        ]
        text += "\n" + table(["RISE, ResNet50, bfloat16", "s", "bare passes s", "ratio"], [row])
    device = result["device"]
    return text + f"\n{device['nvidia_smi']}; PyTorch {device['torch']}.\n"


# name of the table: file it is made from, and how
TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "masked_product": ("masked_product", masked_product),
    "hot_path": ("hot_path", hot_path),
    "explainers": ("explainers", explainers),
    "overhead": ("explainers", overhead),
    "installed": ("explainers", installed),
    "gradients": ("gradients", gradients),
    "memory": ("memory", memory),
    "memory_engines": ("memory_engines", memory),
    "designs": ("designs", designs),
    "riseplus_designs": ("riseplus_designs", riseplus_designs.rows_table),
    "engines": ("engines", engine_tables.engines),
    "engines_refused": ("engines", engine_tables.refused),
    "peers": ("libraries", engine_tables.peers),
    "peers_whole": ("libraries", engine_tables.peers_whole),
    "over_bare": ("over_bare", over_bare.rows_table),
    "sharing": ("sharing", sharing.rows_table),
    "quality": ("maps", quality_tables.quality),
    "quality_gains": ("maps", quality_tables.gains),
    "quality_resnet50": ("maps_resnet50", quality_tables.quality),
    "quality_resnet50_gains": ("maps_resnet50", quality_tables.gains),
    "to_quality": ("to_quality", quality_tables.to_quality),
    "uncertainty": ("uncertainty", quality_tables.uncertainty),
    "uncertainty_resnet50": ("uncertainty_resnet50", quality_tables.uncertainty),
    "gpu": ("gpu", gpu),
    "ops_size": ("ops", ops_tables.by_size),
    "ops_batch": ("ops", ops_tables.by_batch),
    "ops_masks": ("ops", ops_tables.by_masks),
    "roofline": ("ops", ops_tables.roofline),
    "roofline_cuda": ("gpu", ops_tables.roofline_cuda),
}
_NO_NPU = "Not measured: no Ascend NPU was at hand, and no benchmark for one is written.\n"


def targets(results: dict[str, dict[str, Any]]) -> str:
    """Every target of every result."""
    rows = []
    for result in results.values():
        for line in result["targets"]:
            rows.append(
                [
                    line["what"],
                    f"{line['bound']} {line['limit']:.3g}",
                    f"{line['measured']:.3g}",
                    "yes" if line["met"] else "**no**",
                ]
            )
    return table(["target", "bound", "measured", "met"], rows)


def readme(results: dict[str, dict[str, Any]]) -> str:
    """README's table: whole explanations of ResNet50, per library and environment."""
    result = results["explainers"]["results"]
    slow = {
        (row["library"], row["mode"], row["explainer"]): row["whole_s_extrapolated"]
        for row in result.get("installed", [])
    }
    rows = []
    for row in result.get("pair", []):
        peer = slow.get(("peer", row["mode"], row["explainer"]))
        ours = row["fastxai_s"]["median"]
        rows.append(
            [
                f"{_EXPLAINERS[row['explainer']]}, {row['images']} images",
                row["mode"].upper(),
                f"{ours:.1f}",
                f"{peer:.0f} (extrapolated)" if peer else "not measured",
                f"{peer / ours:.0f}" if peer else "",
                f"{row['peer_s']['median']:.1f}",
            ]
        )
    head = ["ResNet50, 224×224", "mode", "fastxai s", "mindspore_xai 1.8.1 as installed s"]
    last = "mindspore_xai with `ONEDNN_MAX_CPU_ISA=AVX2` s"
    return table([*head, "times faster", last], rows)


def text_of(name: str, results: dict[str, dict[str, Any]]) -> str:
    """What stands between the markers of a table.

    Raises:
        ValueError: There is no table of this name.
    """
    if name == "targets":
        return targets(results)
    if name == "readme":
        return readme(results) if "explainers" in results else _missing("explainers")
    if name == "op_costs":
        return ops_tables.costs()
    if name in ("ops_ascend", "roofline_ascend"):
        return _NO_NPU
    if name == "readme_engines":
        made = engine_tables.readme(results["engines"]) if "engines" in results else ""
        return made or _missing("engines")
    if name == "readme_peers":
        found = results.get("libraries")
        return engine_tables.readme_peers(found) if found else _missing("libraries")
    if name == "readme_quality":
        found = results.get("to_quality")
        return quality_tables.readme(found) if found else _missing("to_quality")
    if name not in TABLES:
        raise ValueError(f"report: there is no table {name!r}.")
    source, make = TABLES[name]
    if source not in results:
        return _missing(source)
    return f"{make(results[source])}\n{origin(results[source])}"


def _missing(source: str) -> str:
    commands = {
        "gpu": "bench/gpu.sh",
        "memory_engines": "python -m bench.micro.memory --engines openvino onnxruntime "
        "--modes pynative",
    }
    if source in commands:
        return f"Not measured yet: `{commands[source]}`.\n"
    name = source.removesuffix("_resnet50")
    suite = next(path.parent.name for path in (ROOT / "bench").glob(f"*/{name}.py"))
    option = "" if name == source else " --network resnet50"
    command = f"python -m bench.{suite}.{name}{option}"
    return f"Not measured yet: `{command}`.\n"


def fill(page: str, results: dict[str, dict[str, Any]]) -> str:
    """The page with every table made anew."""
    return _MARKER.sub(lambda m: f"{m[1]}\n{text_of(m[2], results)}\n{m[3]}", page)


def load_results(folder: Path) -> dict[str, dict[str, Any]]:
    """Results by name."""
    names = sorted({source for source, _ in TABLES.values()})
    paths = {name: folder / f"{name}.json" for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }


def main() -> None:
    """Rewrites the pages, or with --check only says whether they are up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=record.RESULTS)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    options = parser.parse_args()
    results = load_results(options.results)
    stale = []
    for name in PAGES:
        path = ROOT / name
        if not path.exists():
            print(f"{name}: does not exist, skipped")
            continue
        page = path.read_text(encoding="utf-8")
        if not _MARKER.search(page):
            print(f"{name}: no bench markers, skipped")
            continue
        filled = fill(page, results)
        if filled != page:
            stale.append(name)
            if not options.check:
                path.write_text(filled, encoding="utf-8")
        print(f"{name}: {'tables made' if filled != page else 'up to date'}")
    if "ops" in results and not options.check:
        print("drawn:", *(path.name for path in ops_plots.draw(results["ops"], IMAGES)))
    if options.check and stale:
        raise SystemExit(f"not generated from bench/results: {', '.join(stale)}")


if __name__ == "__main__":
    main()
