"""Compiles kernels against the emulator of `tests/ascend_emulator` and runs them."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EMULATOR = ROOT / "tests/ascend_emulator"
KERNELS = ("masked_product", "saliency_accumulate", "occlusion")
OPS = ("masked_product", "saliency_accumulate", "occlusion_fill")
UNIFIED_BYTES = 188160
_FLAGS = ["-std=c++17", "-O1", "-fPIC", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"]
_HAZARDS = {"fault": 0, "insert": 1, "ignore": 2}
_ROOM = 512
_folder = tempfile.TemporaryDirectory(prefix="fastxai-ascend-")
_objects: dict[tuple[Path | str, ...], Path] = {}  # compiled, by source and flags


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

    What was compiled before in this process is taken as it is.

    Raises:
        AssertionError: The compiler refuses; with what it says.
    """

    def compiled(source: Path, flags: list[str]) -> Path:
        key = (source, *flags)
        if key not in _objects:
            target = Path(_folder.name) / f"{source.stem}_{abs(hash(key)):x}.o"
            includes = [f"-I{folder}" for folder in include_folders()]
            _call([compiler(), *_FLAGS, *includes, *flags, "-c", str(source), "-o", str(target)])
            _objects[key] = target
        return _objects[key]

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(compiled, *item) for item in sources.items()]
        objects = [str(job.result()) for job in jobs]
    _call([compiler(), "-shared", *objects, "-o", str(library)])


def include_folders() -> list[Path]:
    """Where sources find headers: the emulator's, and those beside the kernels."""
    kernels = [ROOT / "kernels" / op for op in KERNELS]
    return [EMULATOR, EMULATOR / "cann", ROOT / "kernels/common", *kernels]


def kernel_source(op: str) -> Path:
    """The Ascend C source of an op."""
    return ROOT / f"kernels/{op}/{op}_ascend.cpp"


def op_sources() -> dict[Path, list[str]]:
    """All Ascend kernels, what CANN's host side is told of them, and the way to both."""
    host = [ROOT / f"csrc/ascend/op_host/fastxai_{op}.cpp" for op in OPS]
    files = [*map(kernel_source, KERNELS), *host, EMULATOR / "host.cpp"]
    return {path: ["-Wshadow"] for path in files}


def emulator_sources() -> dict[Path, list[str]]:
    """The emulator itself."""
    strict = ["-Wconversion", "-Wshadow"]
    return {EMULATOR / "run.cpp": strict, EMULATOR / "emulator/core.cpp": strict}


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[:4000]}"


def _flat(shapes: list[tuple[int, ...]]) -> tuple[np.ndarray, np.ndarray]:
    ranks = np.array([len(shape) for shape in shapes], np.int32)
    return ranks, np.array([dim for shape in shapes for dim in shape], np.int64)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class _Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_uint64), ("output", ctypes.c_int32)]


class _Run(ctypes.Structure):
    _fields_ = [
        ("kernel", ctypes.c_void_p),
        ("tensors", ctypes.POINTER(_Tensor)),
        ("number", ctypes.c_int32),
        ("tiling", ctypes.c_void_p),
        ("tiling_bytes", ctypes.c_uint64),
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

    def describe(self, op: str) -> str:
        """Names and types of an op's tensors, as its op_host file has them."""
        text = ctypes.create_string_buffer(2048)
        assert self.handle.emu_describe(op.encode(), text, 2048) == 0
        return text.value.decode()

    def tile(
        self, op: str, shapes: list[tuple[int, ...]], cores: int
    ) -> tuple[np.ndarray, int] | None:
        """Tiling words and number of blocks of inputs of some shapes; None: refused."""
        ranks, dims = _flat(shapes)
        words, blocks = np.zeros(64, np.uint32), ctypes.c_uint32()
        number = self.handle.emu_tile(
            op.encode(), len(shapes), _pointer(ranks), _pointer(dims), cores, _pointer(words),
            ctypes.byref(blocks),
        )  # fmt: skip
        return None if number < 0 else (words[:number], blocks.value)

    def infer(
        self, op: str, shapes: list[tuple[int, ...]], index: int = 0
    ) -> tuple[tuple[int, ...], str]:
        """Shape and type of an output."""
        ranks, dims = _flat(shapes)
        out, kind = np.zeros(8, np.int64), ctypes.c_int32()
        rank = self.handle.emu_infer(
            op.encode(), len(shapes), _pointer(ranks), _pointer(dims), index, _pointer(out),
            ctypes.byref(kind),
        )  # fmt: skip
        assert rank >= 0
        return tuple(out[:rank].tolist()), ("float32", "float16", "int32", "int64")[kind.value]

    def call(
        self,
        op: str,
        inputs: list[np.ndarray],
        *,
        cores: int = 40,
        outputs: int = 1,
        kernel: str | None = None,
        **options: Any,
    ) -> list[np.ndarray]:
        """Tiles, infers and runs an op as CANN would; its outputs.

        Raises:
            KernelError: The kernel broke a rule.
        """
        shapes = [array.shape for array in inputs]
        tiled = self.tile(op, shapes, cores)
        assert tiled is not None, "op_host refuses"
        made = [np.empty(*self.infer(op, shapes, index)) for index in range(outputs)]
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", op).lower()
        self.run(kernel or snake, inputs, made, *tiled, **options)
        return made

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
            function, tensors, len(arrays), tiling.ctypes.data, tiling.nbytes, blocks,
            _HAZARDS[hazards], write_once, seed,
        )  # fmt: skip
        message = ctypes.create_string_buffer(_ROOM)
        if self.handle.emu_run(ctypes.byref(run), message, _ROOM) != 0:
            raise KernelError(message.value.decode())
