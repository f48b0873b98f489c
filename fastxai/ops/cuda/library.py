"""`libfastxai_cuda.so`: found or not, why, and its calls."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

VARIABLE = "FASTXAI_CUDA_LIBRARY"  # another file than the package's
_NAME = "libfastxai_cuda.so"
_ABI = 3
_CUDA = 2  # DLPack's number of the device type
_REMEDY = "With CUDA's nvcc (11.8 to 13) on PATH, `FASTXAI_CUDA=ON pip install .` builds it."

_P, _I, _L = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_SIZES = ctypes.POINTER(ctypes.c_int64)
# sizes, layout, type, image, base, whether it is a picture, out, stream
_BATCH = [_SIZES, _I, _I, _P, _P, _I, _P, _P]
_SIGNATURES: dict[str, list[Any]] = {
    "mask_grid": [_P, _I, _SIZES, _P, _P, _P],
    "mask_upsample": [_SIZES, _P, _P, _P, _P],
    "masked_product": [_P, _I, *_BATCH[:-1], _P, _L, _P],  # workspace and its numbers
    "saliency_accumulate": [_P, _I, _SIZES, _P, _P, _P, _P, _P, _P],
    "saliency_expand": [_SIZES, _P, _P, _P, _P],
    "occlusion_fill": [_P, _I, *_BATCH],
    "occlusion_patch": [_P, _L, *_BATCH],
    "occlusion_sum": [_P, _I, _SIZES, _P, _P, _P, _P],
}
_WORKSPACES = ("masked_product_workspace", "saliency_expand_workspace", "occlusion_sum_workspace")


class CudaLibrary:
    """A loaded library.

    Args:
        path: The file.
        device_type: DLPack's number of the memory that its arrays are in; the tests' emulated
            library works on the CPU's.

    Raises:
        OSError: It cannot be loaded, or is of another version.
    """

    def __init__(self, path: str | Path, device_type: int = _CUDA) -> None:
        self.path = str(path)
        self.device_type = device_type
        self.handle = ctypes.CDLL(self.path)
        try:
            found = int(self.handle.fastxai_cuda_abi())
        except AttributeError as error:
            raise OSError(f"{path} is not fastxai's library") from error
        if found != _ABI:
            raise OSError(f"{path} is of another version: interface {found}, wanted {_ABI}")
        for name, arguments in _SIGNATURES.items():
            function = getattr(self.handle, f"fastxai_cuda_{name}")
            function.argtypes, function.restype = arguments, ctypes.c_int
        for name in _WORKSPACES:
            function = getattr(self.handle, f"fastxai_cuda_{name}")
            function.argtypes, function.restype = [_SIZES], ctypes.c_int64
        for name in ("status_text", "error_text"):
            getattr(self.handle, f"fastxai_cuda_{name}").restype = ctypes.c_char_p

    def call(self, op: str, *arguments: Any) -> None:
        """Queues an op.

        Raises:
            RuntimeError: The library or the device refused it.
        """
        status = getattr(self.handle, f"fastxai_cuda_{op}")(*arguments)
        if status == 0:
            return
        text = self.handle.fastxai_cuda_status_text(status).decode()
        more = self.handle.fastxai_cuda_error_text().decode()
        raise RuntimeError(f"{op}: {text}{f' ({more})' if more else ''}.")

    def workspace(self, op: str, *numbers: int) -> int:
        """Numbers of float64 that an op needs as workspace."""
        return int(getattr(self.handle, f"fastxai_cuda_{op}_workspace")(sizes(*numbers)))


def sizes(*numbers: int) -> Any:
    """Numbers as the library takes them."""
    return (ctypes.c_int64 * len(numbers))(*numbers)


_loaded: CudaLibrary | None = None
_reason = ""


def library() -> CudaLibrary:
    """The library, loaded on first use.

    Raises:
        RuntimeError: It was not built or cannot be loaded.
    """
    if not _found():
        raise RuntimeError(f"fastxai has no CUDA kernels here ({_reason}). {_REMEDY}")
    assert _loaded is not None
    return _loaded


def use_library(loaded: CudaLibrary | None) -> CudaLibrary | None:
    """Puts another library in its place, and returns the one before; for tests."""
    global _loaded
    before, _loaded = _loaded, loaded
    return before


def has_cuda() -> bool:
    """Whether the library is there and can be loaded; it says nothing of a GPU."""
    return _found()


def cuda_info() -> dict[str, Any]:
    """Where the library is, or why not: 'available', 'path', 'reason'."""
    available = _found()
    return {
        "available": available,
        "path": _loaded.path if _loaded is not None else "",
        "reason": "" if available else _reason,
    }


def _found() -> bool:
    global _loaded, _reason
    if _loaded is None:
        default = Path(__file__).resolve().parents[2] / _NAME
        path = os.environ.get(VARIABLE) or str(default)
        try:
            _loaded = CudaLibrary(path)
        except OSError as error:
            _reason = f"{path} was not built" if not Path(path).exists() else str(error)
    return _loaded is not None
