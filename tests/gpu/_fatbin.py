"""What GPU code a shared library holds, read from its `.nv_fatbin` section.

The containers' layout is not documented; of it only the fields below are used. They were found by
comparing libraries that were built for known architectures.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = 0xBA55ED50
_PTX, _ELF = 1, 2


def section(library: Path, name: bytes) -> bytes:
    """A section of a 64-bit little-endian ELF file.

    Raises:
        ValueError: There is none of this name.
    """
    data = library.read_bytes()
    (offset,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + k * size) for k in range(count)]
    table = headers[names][4]
    for header in headers:
        start = table + header[0]
        if data[start : data.index(b"\0", start)] == name:
            return data[header[4] : header[4] + header[5]]
    raise ValueError(f"{library} has no section {name!r}")


def architectures(library: Path) -> tuple[set[int], set[int]]:
    """Compute capabilities of the machine code, and of the PTX: 90 for 9.0."""
    data = section(library, b".nv_fatbin")
    machine: set[int] = set()
    ptx: set[int] = set()
    at = 0
    while at + 16 <= len(data):
        magic, _, header, size = struct.unpack_from("<IHHQ", data, at)
        if magic != _MAGIC:
            at += 8  # containers are aligned
            continue
        entry, end = at + header, at + header + size
        while entry < end:
            kind, _, head, length = struct.unpack_from("<HHIQ", data, entry)
            (capability,) = struct.unpack_from("<I", data, entry + 28)
            {_PTX: ptx, _ELF: machine}.get(kind, set()).add(capability)
            entry += head + length
        at = end
    return machine, ptx
