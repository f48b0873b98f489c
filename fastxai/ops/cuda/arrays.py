"""Arrays in device memory, whoever made them: pointer, shape, strides and dtype."""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastxai.ops.cuda.library import library

_CPU = 1  # DLPack's number of the device type
_KINDS = {0: "int", 1: "uint", 2: "float", 4: "bfloat", 6: "bool"}  # DLPack's dtype codes
_TYPESTR_KINDS = {"i": "int", "u": "uint", "f": "float", "b": "bool"}


@dataclass(frozen=True)
class DeviceArray:
    """An array in device memory, and the object that owns it.

    Attributes:
        pointer: Address of its first element.
        shape: Its axes.
        strides: Elements from one to the next along each axis.
        dtype: NumPy's name, or 'bfloat16'.
        owner: Keeps the memory alive.
        writable: False where its library says that it must not be written.
    """

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str
    owner: Any
    writable: bool = True

    @property
    def end(self) -> int:
        """Address behind its last element, where there are no gaps between them."""
        bits = re.search(r"\d+$", self.dtype)
        return self.pointer + math.prod(self.shape) * (int(bits[0]) // 8 if bits else 1)

    @property
    def contiguous(self) -> bool:
        """Whether the elements lie in the order of the axes, without gaps."""
        return _in_order(self.shape, self.strides, range(len(self.shape)))

    @property
    def channels_last(self) -> bool:
        """Whether the elements of an (M, C, H, W) array lie in the order (M, H, W, C)."""
        return len(self.shape) == 4 and _in_order(self.shape, self.strides, (0, 2, 3, 1))


def as_device_array(owner: str, name: str, value: Any) -> DeviceArray:
    """Looks at an array in device memory; nothing is copied.

    Args:
        owner: The op, for messages.
        name: The argument, for messages.
        value: Has `__dlpack__` or `__cuda_array_interface__`, or is a DeviceArray already.

    Returns:
        Its description; it keeps `value` alive.

    Raises:
        TypeError: `value` is of another kind, in other memory, or of a dtype without a name here.
        RuntimeError: There is no `libfastxai_cuda.so`.

    Example:
        >>> as_device_array("op", "out", DeviceArray(0, (2,), (1,), "float32", None)).contiguous
        True
    """
    if isinstance(value, DeviceArray):
        return value
    wanted = library().device_type
    exports = hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__")
    if exports and int(value.__dlpack_device__()[0]) == wanted:
        return _from_dlpack(owner, name, value)
    # Asking for it raises AttributeError on the CPU, TypeError for some dtypes.
    interface = getattr(type(value), "__cuda_array_interface__", None)
    if interface is None and not hasattr(value, "__cuda_array_interface__"):
        raise TypeError(
            f"{owner}: `{name}` must be an array in the GPU's memory, with `__dlpack__` or "
            f"`__cuda_array_interface__`; got {type(value).__name__}."
        )
    return _from_interface(owner, name, value)


def checked(
    owner: str, name: str, value: Any, dtypes: str | Sequence[str], shape: Sequence[int | None]
) -> DeviceArray:
    """A contiguous array of a dtype and shape.

    Args:
        owner: The op, for messages.
        name: The argument, for messages.
        value: As `as_device_array` takes it.
        dtypes: One, or several to choose from.
        shape: None stands for any length of an axis.

    Raises:
        TypeError: It is no such array, or of another dtype.
        ValueError: It has another shape or is not contiguous.
    """
    array = as_device_array(owner, name, value)
    allowed = (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
    if array.dtype not in allowed:
        raise TypeError(f"{owner}: `{name}` must be {' or '.join(allowed)}, got {array.dtype}.")
    fits = len(array.shape) == len(shape) and all(
        want is None or want == have for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if axis is None else str(axis) for axis in shape)
        raise ValueError(f"{owner}: `{name}` must have shape ({wanted}), got {array.shape}.")
    if not (array.contiguous or array.channels_last):
        raise ValueError(f"{owner}: `{name}` must be contiguous, got strides {array.strides}.")
    return array


def contiguous(
    owner: str, name: str, value: Any, dtype: str, shape: Sequence[int | None]
) -> DeviceArray:
    """As `checked`, and the elements lie in the order of the axes."""
    array = checked(owner, name, value, dtype, shape)
    if not array.contiguous:
        raise ValueError(f"{owner}: `{name}` must be contiguous, got strides {array.strides}.")
    return array


def check_written(
    owner: str, written: dict[str, DeviceArray], read: dict[str, DeviceArray] | None = None
) -> None:
    """Refuses arrays that must not be written, or that share memory with another argument.

    Args:
        owner: The op, for messages.
        written: Arguments that the op writes, by name, without gaps between their elements.
        read: Arguments that it reads.

    Raises:
        ValueError: One is read-only, or lies partly or wholly in the memory of another.
    """
    others = {**(read or {}), **written}
    for name, array in written.items():
        if not array.writable:
            raise ValueError(f"{owner}: `{name}` must be writable, it is read-only.")
        for other, beside in others.items():
            shared = max(array.pointer, beside.pointer) < min(array.end, beside.end)
            if other != name and shared:
                raise ValueError(
                    f"{owner}: `{name}` and `{other}` share memory; give one of them its own."
                )


def stream_handle(owner: str, stream: Any) -> int:
    """The `cudaStream_t` of a stream.

    Args:
        owner: The op, for messages.
        stream: An int, or a stream of PyTorch (`cuda_stream`), CuPy (`ptr`) or another library
            (`__cuda_stream__`). 0 is CUDA's default stream.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(stream, int) and not isinstance(stream, bool):
        return stream
    for name in ("cuda_stream", "ptr"):
        handle = getattr(stream, name, None)
        if isinstance(handle, int):
            return handle
    if hasattr(stream, "__cuda_stream__"):
        return int(stream.__cuda_stream__()[1])
    raise TypeError(f"{owner}: `stream` must be an int or a stream, got {type(stream).__name__}.")


def _in_order(shape: Sequence[int], strides: Sequence[int], order: Sequence[int]) -> bool:
    """Whether the axes, slowest first, follow each other without gaps."""
    if 0 in shape:
        return True
    expected = 1
    for axis in reversed(order):
        if shape[axis] != 1 and strides[axis] != expected:
            return False
        expected *= shape[axis]
    return True


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * shape[axis + 1]
    return tuple(strides)


def _from_interface(owner: str, name: str, value: Any) -> DeviceArray:
    try:
        interface = value.__cuda_array_interface__
    except AttributeError as error:
        raise TypeError(f"{owner}: `{name}` is not in the GPU's memory ({error}).") from error
    typestr = interface["typestr"]
    order, kind, size = typestr[0], typestr[1], int(typestr[2:])
    if kind not in _TYPESTR_KINDS:
        raise TypeError(f"{owner}: `{name}` has a dtype without a name here, {typestr}.")
    if order == ">" and size > 1:
        raise TypeError(f"{owner}: `{name}` must have the device's byte order, got {typestr}.")
    if interface.get("mask") is not None:
        raise TypeError(f"{owner}: `{name}` must have no mask.")
    dtype = _TYPESTR_KINDS[kind] + ("" if kind == "b" else str(8 * size))
    shape = tuple(int(axis) for axis in interface["shape"])
    raw = interface.get("strides")
    strides = tuple(int(step) // size for step in raw) if raw else _row_major(shape)
    pointer, read_only = interface["data"]
    return DeviceArray(int(pointer), shape, strides, dtype, value, not read_only)


# ---- DLPack: https://dmlc.github.io/dlpack/latest/c_api.html ------------------------------------


class _Device(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32)]


class _DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def _from_dlpack(owner: str, name: str, value: Any) -> DeviceArray:
    """Reads the capsule without consuming it: its own destructor frees it."""
    if int(value.__dlpack_device__()[0]) == _CPU:
        capsule = value.__dlpack__()
    else:  # -1: no waiting; the caller says on which stream the work goes
        capsule = value.__dlpack__(stream=-1)
    tensor = _Tensor.from_address(_capsule_pointer(capsule, b"dltensor"))
    kind = _KINDS.get(tensor.dtype.code)
    if kind is None or tensor.dtype.lanes != 1:
        raise TypeError(f"{owner}: `{name}` has a dtype without a name here.")
    dtype = kind + ("" if kind == "bool" else str(tensor.dtype.bits))
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(tensor.strides[: tensor.ndim]) if tensor.strides else _row_major(shape)
    return DeviceArray((tensor.data or 0) + tensor.byte_offset, shape, strides, dtype, value)
