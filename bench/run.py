"""The one entry of the benchmarks: those of a device and of suites.

    python bench/run.py --device cpu|cuda|ascend|all --suite micro|peers|quality|all|NAME ...

NAME is one benchmark: --list says what there is. Each runs in a process of its own, checks before
it times, and writes JSON into --results. Exit code: 0 all were measured; 1 one failed; 2 the
arguments are wrong; 3 nothing was measured: the device, environment or benchmark is not here.
With --device all, devices that are missing are named, and the code is that of the others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

if not __package__:  # run as a script: Python put bench/, not its parent, first
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench import environments
from bench.common import record
from bench.common.machine import ROOT

FAILED, NOTHING_MEASURED = 1, 3
DEVICES = ("cpu", "cuda", "ascend")
_GPU_SCRIPT = ROOT / "bench" / "gpu.sh"
_GPU_SCRIPT_NO_GPU = 2  # its exit status where there is no GPU
_CLEARED = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "OMP_NUM_THREADS", "FASTXAI_ISA")

_OTHERS = ("peer", "torch", "dianna", "xplique")  # environments whose Pythons options name

Command = list[str]


class Benchmark(NamedTuple):
    """One result and what makes it."""

    suite: str
    minutes: float  # on two cores
    python: str = "here"  # environments it runs in, the first that is there
    options: str = ""  # {peer}, {torch} and the like stand for Pythons
    module: str = ""  # its own name by default


# By the name of the result, in the order in which they run.
BENCHMARKS = {
    "masked_product": Benchmark("micro", 0.2),
    "ops": Benchmark("micro", 1),
    "hot_path": Benchmark("micro", 3, "peer here"),
    "memory": Benchmark("micro", 4, "peer here"),
    "memory_engines": Benchmark(
        "micro", 3, "engines here", "--engines openvino onnxruntime --modes pynative", "memory"
    ),
    "gradients": Benchmark("micro", 12, "peer"),
    "explainers": Benchmark("peers", 22, "peer"),
    "engines": Benchmark("peers", 50, "engines"),
    "over_bare": Benchmark("peers", 10, "engines here"),
    "over_bare_bfloat16": Benchmark(
        "peers", 4, "engines here", "--bfloat16 --engines openvino", "over_bare"
    ),
    "over_bare_lite0": Benchmark("peers", 4, "engines here", "--network lite0", "over_bare"),
    "sharing": Benchmark("peers", 8, "engines here"),
    "libraries": Benchmark(
        "peers",
        16,
        "engines",
        "--peer-python {peer} --torch-python {torch} --openvino-xai-python {torch}",
    ),
    "throughput": Benchmark("dataset", 8, "engines here"),
    "scale": Benchmark("dataset", 3),
    "files": Benchmark(
        "peers",
        7,
        "engines here",
        "--torch-python {torch} --openvino-xai-python {torch} --dianna-python {dianna} "
        "--xplique-python {xplique}",
    ),
    "designs": Benchmark("quality", 8),
    "photographs": Benchmark("quality", 20, "engines here"),
    "maps_photographs": Benchmark("quality", 15, "engines here"),
    "mixed": Benchmark("quality", 4, "engines here"),
    "riseplus_designs": Benchmark("quality", 10, "engines here"),
    "uncertainty": Benchmark("quality", 15, "engines here"),
    "uncertainty_resnet50": Benchmark(
        "quality", 15, "engines here", "--network resnet50 --reference 16384", "uncertainty"
    ),
    "maps": Benchmark("quality", 35, "engines here"),
    "maps_resnet50": Benchmark(
        "quality",
        25,
        "engines here",
        "--network resnet50 --pictures 20 --reference 16384",
        "maps",
    ),
    "to_quality": Benchmark(
        "quality",
        60,
        "engines",
        "--peer-python {peer} --networks demo resnet50 --pictures 30 30",
    ),
    "to_quality_photographs": Benchmark(
        "quality",
        40,
        "engines",
        "--peer-python {peer} --torch-python {torch} --openvino-xai-python {torch} "
        "--dianna-python {dianna} --xplique-python {xplique}",
    ),
}
SUITES = tuple(dict.fromkeys(benchmark.suite for benchmark in BENCHMARKS.values()))


def names_of(suites: Sequence[str]) -> list[str]:
    """Benchmarks of suites, or of their own names; all of 'all'."""
    return [
        name
        for name, benchmark in BENCHMARKS.items()
        if {"all", name, benchmark.suite} & set(suites)
    ]


def command_of(name: str, results: Path) -> Command | str:
    """What runs a benchmark on the CPU, or why nothing does."""
    benchmark = BENCHMARKS[name]
    pythons = [environments.python_of(python) for python in benchmark.python.split()]
    python = next(filter(None, pythons), None)
    others = {who: environments.python_of(who) for who in _OTHERS}
    missing = [who for who in others if f"{{{who}}}" in benchmark.options and not others[who]]
    if python is None:
        missing.insert(0, benchmark.python)
    if python is None or missing:
        return f"needs bench/.{', bench/.'.join(missing)}: python bench/run.py --make-environments"
    module = f"bench.{benchmark.suite}.{benchmark.module or name}"
    options = [option.format(**others) for option in benchmark.options.split()]
    return [python, "-m", module, *options, "--results", str(results)]


def reason(device: str, which: Callable[[str], str | None] = shutil.which) -> str:
    """Why no benchmark measures quality on a GPU, or anything on an NPU."""
    if device == "cuda":
        return "quality is measured on the CPU alone: masks are the same on every device"
    if which("npu-smi") is None:
        return "there is no Ascend NPU (npu-smi is not installed)"
    return "there is no benchmark for Ascend NPUs yet"


def run_command(command: Command) -> int:
    """Runs a benchmark with this working tree's code.

    Returns:
        0, FAILED or NOTHING_MEASURED.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = {"GLOG_v": "3", "PYTHON": sys.executable, **os.environ, "PYTHONPATH": path}
    variables = {name: value for name, value in variables.items() if name not in _CLEARED}
    print(f"\n== {' '.join(command)}", flush=True)
    status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if command[0] == "bash" and status == _GPU_SCRIPT_NO_GPU:
        return NOTHING_MEASURED
    return FAILED if status else 0


def parser() -> argparse.ArgumentParser:
    """Devices, suites and where results go."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--device", choices=(*DEVICES, "all"), default="cpu", help="cpu by default")
    choices = ("all", *SUITES, *BENCHMARKS)
    made.add_argument(
        "--suite",
        nargs="+",
        choices=choices,
        default=["micro"],
        metavar="SUITE",
        help="suites or benchmarks; micro by default",
    )
    made.add_argument("--results", type=Path, default=record.RESULTS, help="folder of the JSON")
    made.add_argument("--dry-run", action="store_true", help="print the commands, run nothing")
    made.add_argument("--list", action="store_true", help="print the benchmarks and their minutes")
    made.add_argument(
        "--make-environments", action="store_true", help="make the environments that are missing"
    )
    return made


def _only_print(command: Command) -> int:
    print(" ".join(command))
    return 0


def measure(
    device: str, names: Sequence[str], results: Path, run: Callable[[Command], int]
) -> tuple[list[int], list[str]]:
    """Runs benchmarks on a device; their exit codes, and what was not measured and why."""
    if device == "ascend":
        return [], [f"ascend: {reason(device)}"]
    codes, missing = [], []
    if device == "cuda":
        if any(BENCHMARKS[name].suite == "quality" for name in names):
            missing.append(f"cuda: {reason(device)}")
        if any(BENCHMARKS[name].suite != "quality" for name in names):
            codes.append(run(["bash", str(_GPU_SCRIPT), "all", str(results)]))
            if codes[-1] == NOTHING_MEASURED:
                missing.append("cuda: there is no NVIDIA GPU")
        return codes, missing
    for name in names:
        command = command_of(name, results)
        if isinstance(command, str):
            missing.append(f"cpu, {name}: {command}")
            continue
        codes.append(run(command))
        if codes[-1] == FAILED:
            missing.append(f"cpu, {name}: failed: {' '.join(command)}")
    return codes, missing


def main(
    arguments: Sequence[str] | None = None, run: Callable[[Command], int] = run_command
) -> int:
    """Runs what was asked for, and says at the end what was not measured.

    Args:
        arguments: Of the command line; this process's by default.
        run: Runs a command and returns 0, FAILED or NOTHING_MEASURED.

    Returns:
        The exit code.
    """
    options = parser().parse_args(arguments)
    if options.list:
        for name, benchmark in BENCHMARKS.items():
            print(f"{benchmark.suite:<8} {name:<21} {benchmark.minutes:5g} min")
        return 0
    if options.make_environments:
        environments.make()
        return 0
    codes: list[int] = []
    missing: list[str] = []
    for device in DEVICES if options.device == "all" else (options.device,):
        run_one = _only_print if options.dry_run else run
        found = measure(device, names_of(options.suite), options.results.resolve(), run_one)
        codes, missing = codes + found[0], missing + found[1]
    for line in missing:
        print(f"bench/run.py: not measured: {line}", file=sys.stderr)
    if FAILED in codes:
        return FAILED
    return 0 if 0 in codes else NOTHING_MEASURED


if __name__ == "__main__":
    raise SystemExit(main())
