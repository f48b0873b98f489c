"""RISE and Occlusion of ResNet50 at 224x224: fastxai, mindspore_xai 1.8.1, the bare network.

Parts, each in processes of its own:
  pair       fastxai, bare forward passes and mindspore_xai in turns; all run under
             ONEDNN_MAX_CPU_ISA=AVX2
  inside     share of a fastxai run spent inside the forward passes (PYNATIVE)
  installed  fastxai and mindspore_xai without that variable, on few images
"""

from __future__ import annotations

import argparse
from typing import Any

from bench.common import processes, record

WORKER = "bench.peers.explainers_worker"
MODES = ("pynative", "graph")
GOAL = 0.02  # of the bare forward passes
LIMITED = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": None}
INSTALLED = dict.fromkeys(LIMITED)


def measure_pairs(options: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of every mode and explainer, and what was checked."""
    rows, checks = [], []
    for mode in options.modes:
        print(f"{mode}, ONEDNN_MAX_CPU_ISA=AVX2, in turns:", flush=True)
        arguments = ["pair", "--mode", mode, *common(options)]
        arguments += ["--repeats", str(options.repeats)]
        arguments += ["--occlusion-repeats", str(options.occlusion_repeats)]
        answer = processes.run_worker(WORKER, arguments, LIMITED)
        checks += answer["checks"]
        for row in answer["rows"]:
            row["mode"] = mode
            rows.append(row)
            print(
                f"  {row['explainer']}: fastxai {row['fastxai_s']['median']:.2f} s, mindspore_xai "
                f"{row['peer_s']['median']:.2f} s ({row['speedup']['median']:.2f}x); beyond the "
                f"bare passes {row['beyond']['median']:.2%} of totals, "
                f"{row['beyond_per_batch']['median']:.2%} median batch, "
                f"{row['beyond_cpu']['median']:.2%} processor time; padding "
                f"{row['padding_rows']} of {row['images']} images"
            )
    return rows, checks


def measure_inside(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One run of each explainer with stamps around the network."""
    print("pynative, time inside the forward passes:", flush=True)
    rows = processes.run_worker(WORKER, ["inside", *common(options)], LIMITED)["rows"]
    for row in rows:
        print(f"  {row['explainer']}: {row['beyond_inside']:.2%} beyond the time inside")
    return rows


def measure_installed(options: argparse.Namespace, full: dict[str, int]) -> list[dict[str, Any]]:
    """Few images without the variable; the time of a whole run is extrapolated.

    Args:
        options: Of the command.
        full: Images of a whole run, by explainer.
    """
    print("without the variable, few images, whole runs extrapolated:", flush=True)
    sizes = {
        "peer": ["--masks", str(2 * options.slow_batch), "--batch", str(options.slow_batch)],
        "ours": ["--masks", str(2 * options.batch), "--batch", str(options.batch)],
    }
    windows = {"peer": 2, "ours": 8}  # per axis
    rows = []
    for library, size in sizes.items():
        for mode in options.modes:
            arguments = ["alone", "--library", library, "--mode", mode, *size]
            arguments += ["--windows-per-axis", str(windows[library])]
            arguments += ["--explainers", *options.explainers]
            for row in processes.run_worker(WORKER, arguments, INSTALLED)["rows"]:
                rate = row["images"] / row["seconds"]
                whole = full[row["explainer"]]
                rows.append(
                    {
                        **row,
                        "library": library,
                        "mode": mode,
                        "images_per_s": rate,
                        "whole_images": whole,
                        "whole_s_extrapolated": whole / rate,
                    }
                )
                print(
                    f"  {library} {mode} {row['explainer']}: {rate:.2f} images/s, a whole run "
                    f"would take {whole / rate:.0f} s"
                )
    return rows


def common(options: argparse.Namespace) -> list[str]:
    """Arguments that every worker gets."""
    numbers = {
        "--masks": options.masks,
        "--batch": options.batch,
        "--windows-per-axis": options.windows_per_axis,
    }
    given = [text for name, value in numbers.items() for text in (name, str(value))]
    return [*given, "--explainers", *options.explainers]


def make_targets(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most 2 % beyond the bare passes, by explainer and mode."""
    return [
        record.target(
            f"{row['explainer']} {row['mode']}: time beyond the bare forward passes",
            row["beyond"]["median"],
            GOAL,
            at_least=False,
        )
        for row in pairs
    ]


def main() -> None:
    """Measures the chosen parts."""
    parser = record.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parts = ("pair", "inside", "installed")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument(
        "--explainers", nargs="+", choices=("rise", "occlusion"), default=["rise", "occlusion"]
    )
    parser.add_argument("--masks", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--windows-per-axis", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3, help="of RISE; 3 by default")
    parser.add_argument("--occlusion-repeats", type=int, default=1, help="1 by default")
    parser.add_argument("--slow-batch", type=int, default=4, help="images per slow batch")
    options = parser.parse_args()
    about = record.header()
    record.print_header(about)
    full = {"rise": options.masks, "occlusion": 1 + options.windows_per_axis**2}
    results: dict[str, Any] = {}
    checks: list[str] = []
    if "pair" in options.parts:
        results["pair"], checks = measure_pairs(options)
    if "inside" in options.parts:
        results["inside"] = measure_inside(options)
    if "installed" in options.parts:
        results["installed"] = measure_installed(options, full)
    settings = {k: v for k, v in vars(options).items() if k != "results"}
    targets = make_targets(results.get("pair", []))
    record.write(options.results, "explainers", about, settings, results, checks, targets)


if __name__ == "__main__":
    main()
