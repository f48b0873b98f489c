"""What a figure depends on: the machine, the versions, the commit, the load."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What MindSpore's convolutions are fast with, and the variables of a process as it is installed.
LIMITED: dict[str, str | None] = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": None}
INSTALLED: dict[str, str | None] = dict.fromkeys(LIMITED)
_DISTRIBUTIONS = ("mindspore", "mindspore-xai", "numpy", "pillow")
# Files that change no figure; benchmarks write some of them themselves.
_NOT_MEASURED = (":!bench/results", ":!docs", ":!*.md", ":!tests", ":!examples")


def _cpu_field(name: str, cpuinfo: str = "/proc/cpuinfo") -> str:
    try:
        text = Path(cpuinfo).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or "unknown"
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def machine() -> dict[str, Any]:
    """The machine: processor, cores, memory, kernel."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    flags = _cpu_field("flags").split()
    return {
        "cpu": _cpu_field("model name"),
        "family_model": f"{_cpu_field('cpu family')}/{_cpu_field('model')}",
        "cores": os.cpu_count(),
        "usable_cores": usable,
        "avx2": "avx2" in flags,
        "avx512": "avx512f" in flags,
        "bfloat16": bool({"avx512_bf16", "amx_bf16"} & set(flags)),
        "memory_gib": round(memory / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
    }


def versions() -> dict[str, str]:
    """Versions of what is measured."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def commit() -> dict[str, Any]:
    """The commit, and whether files that could change a figure differ from it."""
    dirty = _git("status", "--porcelain", "--", ".", *_NOT_MEASURED)
    return {"commit": _git("rev-parse", "HEAD") or "unknown", "dirty": bool(dirty)}


def load() -> list[float]:
    """Load average of the last 1, 5 and 15 minutes."""
    return [round(value, 2) for value in os.getloadavg()]
