"""Reads a PyTorch checkpoint of the format before 1.6, without PyTorch.

The file is a row of pickles: a magic number, a version, facts of the machine, the tensors (each by
the key of its storage, offset, size and strides) and the keys of the storages; then each storage as
its number of elements, int64, and its bytes. Strides matter: a checkpoint that was converted from
TensorFlow has the axes of its kernels in another order in memory.
"""

from __future__ import annotations

import os
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[Any, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


@dataclass(frozen=True)
class _Layout:
    """Layout of a tensor in its storage, in elements."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    """Builds layouts and knows no other names, so that a file can run nothing."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.dtypes: dict[Any, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _layout,
        }
        if module == "torch" and name in _DTYPES:
            return name
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in a checkpoint")
        return known[module, name]

    def persistent_load(self, pid: Any) -> Any:
        _, kind, key, *_ = pid
        self.dtypes[key] = _DTYPES[kind]
        return key


def _layout(storage: str, offset: int, shape: Any, strides: Any, *_: Any) -> _Layout:
    return _Layout(storage, offset, tuple(shape), tuple(strides))


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The tensors of a file by name, in its order.

    Args:
        path: File of PyTorch before 1.6, or of a later one's
            `_use_new_zipfile_serialization=False`, that holds a state dict of float32 and int64.

    Raises:
        OSError: It cannot be read.
        ValueError: It is something else.
    """
    with open(path, "rb") as file:
        try:
            magic = _Unpickler(file).load()
            if magic != _MAGIC:
                raise ValueError(f"{os.fspath(path)} is no PyTorch checkpoint of the old format.")
            _Unpickler(file).load(), _Unpickler(file).load()  # version, facts of the machine
            tensors = _Unpickler(file)
            layouts = tensors.load()
            keys = _Unpickler(file).load()
            storages = {key: _storage(file, tensors.dtypes[key]) for key in keys}
            return {name: _array(layout, storages) for name, layout in layouts.items()}
        except (pickle.UnpicklingError, EOFError, KeyError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{os.fspath(path)} cannot be read as a checkpoint: {error}"
            ) from error


def _storage(file: IO[bytes], dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(_exactly(file, 8), "little")
    return np.frombuffer(_exactly(file, count * dtype.itemsize), dtype)


def _exactly(file: IO[bytes], size: int) -> bytes:
    found = file.read(size)
    if len(found) != size:
        raise EOFError("it ends too early")
    return found


def _array(layout: _Layout, storages: dict[str, np.ndarray]) -> np.ndarray:
    storage = storages[layout.storage]
    last = layout.offset + sum(
        (n - 1) * s for n, s in zip(layout.shape, layout.strides, strict=True)
    )
    if min(layout.offset, *layout.strides, 0) < 0 or (
        0 not in layout.shape and last >= len(storage)
    ):
        raise ValueError("a tensor lies outside of its storage")
    return np.lib.stride_tricks.as_strided(
        storage[layout.offset :],
        layout.shape,
        tuple(stride * storage.itemsize for stride in layout.strides),
        writeable=False,
    )
