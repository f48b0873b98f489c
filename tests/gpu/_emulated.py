"""The CUDA kernels compiled by g++ against tests/cuda_emulator, and memory for them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fastxai.ops.cuda.arrays import DeviceArray
from fastxai.ops.cuda.library import CudaLibrary

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "cuda-emulator"
FLAGS = [
    *("-O1", "-g", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-Wno-unknown-pragmas"),
    *("-I", str(ROOT / "tests" / "cuda_emulator"), "-I", str(ROOT)),
]
ORDERS = {"forward": 0, "shuffled": 2}
_CPU = 1  # DLPack's number
_GUARD = 256
_MARK = 0xA5


def compiler() -> str | None:
    """The C++ compiler, if there is one."""
    return shutil.which(os.environ.get("CXX", "g++"))


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps other test processes from building in a folder at the same time."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sources() -> list[Path]:
    """What the library is made of."""
    kernels = sorted(ROOT.glob("kernels/*/*_cuda.cu"))
    border = sorted(ROOT.glob("csrc/cuda/*.cpp")) + sorted(ROOT.glob("csrc/common/*.cpp"))
    return [*kernels, *border, ROOT / "tests" / "cuda_emulator" / "emulator.cpp"]


def build(files: list[Path], library: Path) -> None:
    """Compiles files into a shared library, unless it is newer than every source and header."""
    headers = [p for room in ("kernels", "csrc", "tests") for p in (ROOT / room).rglob("*.h")]
    newest = max(path.stat().st_mtime for path in [*files, *headers])
    if library.exists() and library.stat().st_mtime > newest:
        return
    library.parent.mkdir(parents=True, exist_ok=True)
    objects = [library.parent / f"{library.stem}-{k}.o" for k in range(len(files))]

    def compile_one(file: Path, target: Path) -> None:
        command = [str(compiler()), *FLAGS, "-x", "c++", "-c", str(file), "-o", str(target)]
        subprocess.run(command, check=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_one, files, objects))
    partial = library.with_suffix(f".{os.getpid()}.so")
    command = [str(compiler()), "-shared", "-Wl,--no-undefined", "-o", str(partial)]
    subprocess.run([*command, *map(str, objects)], check=True)
    partial.replace(library)


def load() -> CudaLibrary:
    """The emulated library; its arrays are in the CPU's memory."""
    path = BUILD / "libfastxai_cuda_emulated.so"
    with alone_in(BUILD):
        build(sources(), path)
    return CudaLibrary(path, device_type=_CPU)


class EmulatedDevice:
    """Memory of the emulated device: NumPy arrays between guard bytes.

    Args:
        library: The emulated library.
        order: In which the threads and blocks run, of `ORDERS`.
    """

    name = "emulated"
    stream = 0

    def __init__(self, library: CudaLibrary, order: str) -> None:
        self._library = library
        self._buffers: list[tuple[np.ndarray, int, int]] = []
        library.handle.cuda_emulator_order(ORDERS[order])

    def empty(
        self, shape: tuple[int, ...], dtype: str, *, channels_last: bool = False, skew: int = 0
    ) -> DeviceArray:
        """Memory full of marks, `skew` elements off an address that 256 divides."""
        size = 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize
        count = int(np.prod(shape, dtype=np.int64))
        raw = np.full(count * size + 4 * _GUARD, _MARK, np.uint8)
        start = _GUARD + -(raw.ctypes.data + _GUARD) % _GUARD + skew * size
        self._buffers.append((raw, start, start + count * size))
        strides = np.ones(len(shape), np.int64)
        order = [0, 2, 3, 1] if channels_last else list(range(len(shape)))
        for axis, next_axis in zip(order[-2::-1], order[:0:-1], strict=True):
            strides[axis] = strides[next_axis] * shape[next_axis]
        pointer = raw.ctypes.data + start
        return DeviceArray(pointer, tuple(shape), tuple(strides.tolist()), dtype, raw)

    def put(self, array: np.ndarray) -> DeviceArray:
        """A copy of a NumPy array."""
        made = self.empty(array.shape, str(array.dtype))
        raw, start, stop = self._buffers[-1]
        raw[start:stop] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        return made

    def get(self, array: DeviceArray) -> np.ndarray:
        """The elements by axes, bfloat16 as its bits; the guards must be as they were."""
        raw, start, stop = next(b for b in self._buffers if b[0] is array.owner)
        assert (raw[:start] == _MARK).all(), "written before the array"
        assert (raw[stop:] == _MARK).all(), "written past the array"
        kind = np.dtype(np.uint16 if array.dtype == "bfloat16" else array.dtype)
        flat = raw[start:stop].copy().view(kind)
        steps = [step * kind.itemsize for step in array.strides]
        return np.lib.stride_tricks.as_strided(flat, array.shape, steps).copy()
