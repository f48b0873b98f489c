"""One front door: the benchmarks of a device and a suite.

    python bench/run.py --device cpu|cuda|ascend|all --suite ops|explainers|quality

Each benchmark runs in a process of its own, checks before it times, and writes JSON into --results.
Exit code: 0 all were measured; 1 one failed; 2 the arguments are wrong; 3 nothing was measured,
because there is no such device here or no such benchmark. With --device all, devices that are
missing are named, and the code is that of the others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if not __package__:  # run as a script: Python put bench/, not its parent, first
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from bench.common import record
from bench.common.machine import ROOT

FAILED, NOTHING_MEASURED = 1, 3
DEVICES = ("cpu", "cuda", "ascend")
SUITES = ("ops", "explainers", "quality")
CPU_MODULES = {
    "ops": ("bench.micro.masked_product", "bench.micro.ops", "bench.micro.hot_path"),
    "explainers": ("bench.micro.memory", "bench.peers.explainers", "bench.micro.gradients"),
    "quality": ("bench.quality.designs", "bench.quality.uncertainty", "bench.quality.maps"),
}
_GPU_SCRIPT = ROOT / "bench" / "gpu.sh"
_GPU_SCRIPT_NO_GPU = 2  # its exit status where there is no GPU

Command = list[str]


def commands(device: str, suite: str, results: Path) -> list[Command]:
    """What measures a suite on a device; empty where nothing does."""
    if device == "cpu":
        end = ["--results", str(results)]
        return [[sys.executable, "-m", name, *end] for name in CPU_MODULES[suite]]
    if device == "cuda" and suite != "quality":
        return [["bash", str(_GPU_SCRIPT), str(results)]]
    return []


def reason(device: str, suite: str, which: Callable[[str], str | None] = shutil.which) -> str:
    """Why no benchmark measures a suite on a device."""
    if device == "ascend" and which("npu-smi") is None:
        return "there is no Ascend NPU (npu-smi is not installed)"
    if device == "ascend":
        return "there is no benchmark for Ascend NPUs yet"
    return f"{suite} is measured on the CPU alone: masks are the same on every device"


def run_command(command: Command) -> int:
    """Runs a benchmark with this working tree's code.

    Returns:
        0, FAILED or NOTHING_MEASURED.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    variables = {"GLOG_v": "3", "PYTHON": sys.executable, **os.environ, "PYTHONPATH": path}
    print(f"\n== {' '.join(command)}", flush=True)
    status = subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode
    if command[0] == "bash" and status == _GPU_SCRIPT_NO_GPU:
        return NOTHING_MEASURED
    return FAILED if status else 0


def verdict(statuses: Sequence[int]) -> int:
    """Exit code of a run, from those of its benchmarks."""
    if FAILED in statuses:
        return FAILED
    return 0 if 0 in statuses else NOTHING_MEASURED


def parser() -> argparse.ArgumentParser:
    """Devices, suites and where results go."""
    made = record.parser(__doc__)
    made.formatter_class = argparse.RawDescriptionHelpFormatter
    made.add_argument("--device", choices=(*DEVICES, "all"), default="cpu", help="cpu by default")
    made.add_argument(
        "--suite", nargs="+", choices=SUITES, default=["ops"], help="one or more; ops by default"
    )
    made.add_argument("--dry-run", action="store_true", help="print the commands, run nothing")
    return made


def _only_print(command: Command) -> int:
    print(" ".join(command))
    return 0


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
    if options.dry_run:
        run = _only_print
    devices = DEVICES if options.device == "all" else (options.device,)
    missing: list[str] = []
    done: dict[str, int] = {}
    for device in devices:
        for suite in dict.fromkeys(options.suite):
            found = commands(device, suite, options.results.resolve())
            if not found:
                missing.append(f"{device}, {suite}: {reason(device, suite)}")
            for command in found:
                text = " ".join(command)
                if text not in done:  # bench/gpu.sh measures two suites at once
                    done[text] = run(command)
                if done[text] == NOTHING_MEASURED:
                    missing.append(f"{device}, {suite}: there is no NVIDIA GPU")
                elif done[text] == FAILED:
                    missing.append(f"{device}, {suite}: failed: {text}")
    for line in missing:
        print(f"bench/run.py: not measured: {line}", file=sys.stderr)
    return verdict(list(done.values()))


if __name__ == "__main__":
    raise SystemExit(main())
