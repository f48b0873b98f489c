"""What the machine can write: fills of a buffer, past the caches and through them."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.common.machine import ROOT

FILLS = ("stream_fill", "plain_fill")
_SOURCE = ROOT / "bench" / "micro" / "stream_fill.cpp"
_BUILD = ROOT / "bench" / ".build"
LINE = 64  # bytes


def build() -> ctypes.CDLL:
    """Compiles and loads the fills, for this machine."""
    _BUILD.mkdir(exist_ok=True)
    library = _BUILD / "stream_fill.so"
    compiler = os.environ.get("CXX", "g++")
    flags = ["-O3", "-std=c++17", "-fopenmp", "-march=native", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, str(_SOURCE), "-o", str(library)], check=True)
    loaded = ctypes.CDLL(str(library))
    for name in FILLS:
        function = getattr(loaded, name)
        function.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int]
        function.restype = None
    return loaded


def aligned(shape: tuple[int, ...]) -> np.ndarray:
    """Touched float32 array that begins with a cache line, as large arrays of one allocator do."""
    count = int(np.prod(shape))
    raw = np.zeros(count * 4 + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + count * 4].view(np.float32).reshape(shape)


def calls(library: ctypes.CDLL, target: np.ndarray, threads: int) -> dict[str, Callable[[], Any]]:
    """Both fills of an aligned array of whole cache lines."""
    arguments = (target.ctypes.data, target.nbytes // LINE, 1.5, threads)
    return {name: functools.partial(getattr(library, name), *arguments) for name in FILLS}
