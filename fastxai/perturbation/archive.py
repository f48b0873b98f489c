"""Arrays and facts in one file: NumPy's npz without pickles, with a checksum.

What is read back is not believed before it is checked. Member by member the directory of the file
and the headers of the arrays have to say what was expected, and the sizes in them have to agree,
before memory is taken for anything; then the checksum over everything has to be right.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from fastxai.system.atomic_file import replacing

Arrays = dict[str, np.ndarray]

_FACTS = "header"  # JSON, as text
_CHECKSUM = "sha256"
_SUFFIX = ".npy"
_HARMLESS_FLAGS = 0x0808  # of a zip member: its name is UTF-8, its size stands behind it
_END = struct.Struct("<4s4H2LH")  # the last record of a zip file
_END_MAGIC = b"PK\x05\x06"
_NPY = struct.Struct("<8sH")  # magic and version, length of the text that follows
_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_NPY_TEXT = re.compile(
    rb"\{'descr': '([^']{1,16})', 'fortran_order': False, 'shape': \(([0-9, ]{0,200})\), \} *\n"
)
_MOST_FACTS = 2**22  # letters
_CHUNK = 2**20  # bytes that are read at a time
_TEXT = "text"
# What zipfile and the parsers raise on nonsense.
_NONSENSE = (
    ValueError, LookupError, EOFError, RuntimeError, OverflowError, MemoryError, struct.error,
    zipfile.BadZipFile,
)  # fmt: skip


class DamagedError(ValueError):
    """A file is not what it should be."""


@dataclass(frozen=True)
class Member:
    """An array of a file.

    Args:
        dtype: Name of its dtype.
        axes: Length of every axis, or its name: axes of one name have one length, at least 1.
    """

    dtype: str
    axes: tuple[int | str, ...]


@dataclass(frozen=True)
class _Array:
    """Position of an array in a file."""

    info: zipfile.ZipInfo
    start: int  # bytes before its values
    dtype: str
    shape: tuple[int, ...]


def write_archive(
    path: str | os.PathLike[str], kind: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]
) -> None:
    """Writes a file, or leaves what was there.

    Args:
        path: The file.
        kind: What it is, and in which version.
        facts: What JSON can hold; not 'format'.
        arrays: Arrays of numbers.

    Raises:
        OSError: It cannot be written.
    """
    text = json.dumps({"format": kind, **facts})
    held = {
        name: np.ascontiguousarray(array, array.dtype.newbyteorder("="))
        for name, array in arrays.items()
    }
    checksum = np.frombuffer(_checksum(text, held), np.uint8)
    # As np.savez does, which leaves an open zip file behind where a disk is full.
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in {_FACTS: np.array(text), _CHECKSUM: checksum, **held}.items():
            with archive.open(name + _SUFFIX, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, version=(1, 0), allow_pickle=False)


def read_archive(
    path: str | os.PathLike[str], kind: str, members: Mapping[str, Member]
) -> tuple[dict[str, Any], Arrays]:
    """Reads what `write_archive` wrote.

    Args:
        path: The file.
        kind: What it has to be.
        members: The arrays that it may hold.

    Returns:
        The facts, and those of the arrays that are there.

    Raises:
        DamagedError: It is something else, or damaged.
        OSError: It cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
        raise DamagedError("it is no regular file")
    with open(path, "rb") as file:
        try:
            return _read(file, kind, members)
        except _NONSENSE as error:
            raise DamagedError(str(error) or type(error).__name__) from error
        except OSError as error:
            if error.errno != errno.EINVAL:  # what comes of seeking to a place that is none
                raise
            raise DamagedError("it points outside of itself") from error


def _read(
    file: BinaryIO, kind: str, members: Mapping[str, Member]
) -> tuple[dict[str, Any], Arrays]:
    size = _checked_size(file)
    with zipfile.ZipFile(file) as archive:
        found = {
            name: _array_of(archive, info)
            for name, info in _listed(archive, size, {_FACTS, _CHECKSUM, *members}).items()
        }
        for name in (_FACTS, _CHECKSUM):
            if name not in found:
                raise ValueError(f"it has no {name}: it may be of another version of fastxai")
        own = {
            _FACTS: Member(_TEXT, ()),
            _CHECKSUM: Member("uint8", (hashlib.sha256().digest_size,)),
        }
        _check_kinds(found, {**members, **own})
        text = _values(archive, found.pop(_FACTS)).tobytes().decode("utf-32-le")
        checksum = _values(archive, found.pop(_CHECKSUM)).tobytes()
        arrays = {name: _values(archive, place) for name, place in found.items()}
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.pop("format", None) != kind:
        raise ValueError("it is another kind of file, or of another version of fastxai")
    if checksum != _checksum(text, arrays):
        raise ValueError("its checksum is wrong")
    return facts, arrays


def _checked_size(file: BinaryIO) -> int:
    """Bytes of a file; refuses one that holds something behind the archive."""
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        raise ValueError("it is too short")
    file.seek(-_END.size, os.SEEK_END)
    magic, *_, comment = _END.unpack(file.read(_END.size))
    if magic != _END_MAGIC or comment:
        raise ValueError("it is no npz file, or something stands behind it")
    return size


def _listed(archive: zipfile.ZipFile, size: int, names: set[str]) -> dict[str, zipfile.ZipInfo]:
    """The members of a zip file, all of them known, stored as they are, and there once."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(_SUFFIX)
        if name not in names or name + _SUFFIX != info.filename:
            raise ValueError(f"it has an unknown member {info.filename[:40]!r}")
        if name in found:
            raise ValueError(f"it has two members {name!r}")
        stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
        if not stored or info.flag_bits & ~_HARMLESS_FLAGS:
            raise ValueError(f"its member {name!r} is compressed or encrypted")
        if info.header_offset + info.file_size > size:
            raise ValueError(f"its member {name!r} is cut off")
        found[name] = info
    if found and min(info.header_offset for info in found.values()) != 0:
        raise ValueError("something stands before it")
    return found


def _array_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Array:
    """What the header of an array says of it; its size is that of the member."""
    name = info.filename
    with archive.open(info) as stream:
        magic, length = _NPY.unpack(stream.read(_NPY.size))
        match = _NPY_TEXT.fullmatch(stream.read(length))
    if magic != _NPY_MAGIC or match is None:
        raise ValueError(f"its member {name!r} is no array of numbers in C order")
    descr, shape = match[1].decode("ascii"), tuple(map(int, re.findall(rb"\d+", match[2])))
    letters = re.fullmatch(r"<U(\d+)", descr)
    if letters:
        itemsize, dtype = 4 * int(letters[1]), _TEXT
        if int(letters[1]) > _MOST_FACTS:
            raise ValueError(f"its member {name!r} has {letters[1]} letters")
    else:
        numbers = next((d for d in map(np.dtype, "?bBhHiIqQefd") if d.str == descr), None)
        if numbers is None:
            raise ValueError(f"its member {name!r} is of dtype {descr!r}")
        itemsize, dtype = numbers.itemsize, numbers.name
    start = _NPY.size + length
    if start + math.prod(shape) * itemsize != info.file_size:
        raise ValueError(f"its member {name!r} is of shape {shape} and {info.file_size} bytes")
    return _Array(info, start, dtype, shape)


def _check_kinds(found: Mapping[str, _Array], members: Mapping[str, Member]) -> None:
    problem = first_misfit(
        {name: (place.dtype, place.shape) for name, place in found.items()}, members
    )
    if problem is not None:
        raise ValueError(f"its member {problem}")


def first_misfit(
    kinds: Mapping[str, tuple[str, tuple[int, ...]]], members: Mapping[str, Member]
) -> str | None:
    """What is wrong with dtypes and shapes of arrays, in words; None where nothing is.

    Args:
        kinds: (dtype, shape) by name.
        members: What they have to be; one for each of them.
    """
    lengths: dict[str, int] = {}  # of named axes
    for name, (dtype, shape) in kinds.items():
        wanted = members[name]
        axes = ", ".join(map(str, wanted.axes))
        if dtype != wanted.dtype or len(shape) != len(wanted.axes) or 0 in shape:
            return f"{name!r} is {dtype} of shape {shape} and not {wanted.dtype} of ({axes})"
        for axis, length in zip(wanted.axes, shape, strict=True):
            known = axis if isinstance(axis, int) else lengths.setdefault(axis, length)
            if length != known:
                return f"{name!r} is of shape {shape} and not ({axes}), where {axis} is {known}"
    return None


def _values(archive: zipfile.ZipFile, place: _Array) -> np.ndarray:
    """The values of an array; text as bytes."""
    if place.dtype == _TEXT:
        array = np.empty(place.info.file_size - place.start, np.uint8)
    else:
        array = np.empty(place.shape, place.dtype)
    left = array.reshape(-1).view(np.uint8).data
    with archive.open(place.info) as stream:
        stream.read(place.start)
        while left:
            chunk = stream.read(min(len(left), _CHUNK))
            if not chunk:
                raise EOFError("it is cut off")
            left[: len(chunk)] = chunk
            left = left[len(chunk) :]
        stream.read(1)  # at the end zipfile compares the member's own checksum
    return array


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.digest()
