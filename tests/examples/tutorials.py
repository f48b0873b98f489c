"""Where the tutorials are, how to run one, and the modules they share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import make_data
import make_notebook
from common import dataset, resnet

__all__ = ["dataset", "make_data", "make_notebook", "resnet"]
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TUTORIALS = ("using_cv_explainers", "using_rise_plus", "using_cv_benchmarks")


def environment() -> dict[str, str]:
    """What a script or notebook elsewhere needs to find `fastxai` and `common`."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(EXAMPLES)])}


def run(script: Path, folder: Path, *before: str) -> str:
    """Run a script in a folder, with words before its name; returns what it printed."""
    result = subprocess.run(
        [sys.executable, *before, script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
