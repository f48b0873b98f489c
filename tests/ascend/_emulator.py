"""Compiles kernels against the emulator of `tests/ascend_emulator` and runs them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "tests/ascend_emulator"
KERNELS = ("masked_product", "saliency_accumulate", "occlusion")
UNIFIED_BYTES = 188160
_FLAGS = ["-std=c++17", "-O1", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
_HAZARDS = {"fault": 0, "insert": 1, "ignore": 2}
_ROOM = 512


class KernelError(Exception):
    """A kernel broke a rule of the emulator."""


def compiler() -> str:
    """The C++ compiler of this machine."""
    return os.environ.get("CXX", "g++")


def all_finite_source() -> Path | None:
    """MindSpore's own Ascend C kernel in its wheel; None where the wheel has none."""
    spec = importlib.util.find_spec("mindspore")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    found = sorted(folder.glob("lib/plugin/ascend/**/dynamic/all_finite.cpp"))
    return found[0] if found else None


def build(sources: dict[Path, list[str]], library: Path) -> None:
    """Compiles sources, each with its further flags, two at a time, and links them.

    Raises:
        AssertionError: The compiler refuses; with what it says.
    """

    def compiled(number: int, source: Path, flags: list[str]) -> Path:
        target = library.with_suffix(f".{number}.o")
        includes = [f"-I{folder}" for folder in include_folders()]
        _call([compiler(), *_FLAGS, *includes, *flags, "-c", str(source), "-o", str(target)])
        return target

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(compiled, k, *item) for k, item in enumerate(sources.items())]
        objects = [str(job.result()) for job in jobs]
    _call([compiler(), "-shared", *objects, "-o", str(library)])


def include_folders() -> list[Path]:
    """Where kernels find their headers: the emulator's, and those beside the kernels."""
    return [EMULATOR, ROOT / "kernels/common", *(ROOT / "kernels" / op for op in KERNELS)]


def emulator_sources() -> dict[Path, list[str]]:
    """The emulator itself."""
    strict = ["-Wconversion", "-Wshadow"]
    return {EMULATOR / "run.cpp": strict, EMULATOR / "emulator/core.cpp": strict}


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[:4000]}"


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_uint64), ("output", ctypes.c_int32)]


class _Run(ctypes.Structure):
    _fields_ = [
        ("kernel", ctypes.c_void_p),
        ("tensors", ctypes.POINTER(_Tensor)),
        ("number", ctypes.c_int32),
        ("tiling", ctypes.c_void_p),
        ("blocks", ctypes.c_int32),
        ("hazards", ctypes.c_int32),
        ("write_once", ctypes.c_int32),
        ("seed", ctypes.c_uint64),
    ]


@dataclass
class Library:
    """A built library with the emulator in it."""

    path: Path

    def __post_init__(self) -> None:
        self.handle = ctypes.CDLL(str(self.path))

    def run(
        self,
        kernel: str,
        inputs: list[np.ndarray],
        outputs: list[np.ndarray],
        tiling: np.ndarray,
        blocks: int,
        *,
        hazards: str = "fault",
        write_once: bool = True,
        seed: int = 0,
    ) -> None:
        """Runs a kernel on all its blocks, in an order that depends on the seed.

        Raises:
            KernelError: The kernel broke a rule.
        """
        arrays = [*inputs, *outputs]
        assert all(array.flags.c_contiguous for array in arrays)
        tensors = (_Tensor * len(arrays))(
            *[(a.ctypes.data, a.nbytes, k >= len(inputs)) for k, a in enumerate(arrays)]
        )
        function = ctypes.cast(getattr(self.handle, kernel), ctypes.c_void_p)
        run = _Run(
            function, tensors, len(arrays), tiling.ctypes.data, blocks,
            _HAZARDS[hazards], write_once, seed,
        )  # fmt: skip
        message = ctypes.create_string_buffer(_ROOM)
        if self.handle.emu_run(ctypes.byref(run), message, _ROOM) != 0:
            raise KernelError(message.value.decode())
