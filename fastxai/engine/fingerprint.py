"""Whether a network is still the one that an engine was made from.

Two things are compared: the *structure* by identity (which cells, Parameters, functions and plain
attributes the network consists of, see `fastxai.common.shadow.signature`), and the *values* of all
its Parameters, Tensors and arrays by a checksum. Structures are held by weak references, so that
nothing here keeps a network alive.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Iterable
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.common.shadow import SCALARS, signature


def structure_of(cells: Iterable[nn.Cell]) -> list[Any]:
    """Everything that the cells consist of, strongly held: for the moment only."""
    return [item for cell in cells for item in signature(cell)]


class Structure:
    """What `structure_of` found, remembered without keeping it alive."""

    def __init__(self, found: list[Any]) -> None:
        self._items = [_weak(item) for item in found]

    def matches(self, found: list[Any]) -> bool:
        """Whether these are the same objects, plain values being compared by value."""
        return len(self._items) == len(found) and all(
            _same(item, other) for item, other in zip(self._items, found, strict=True)
        )


def _weak(item: Any) -> Any:
    if isinstance(item, SCALARS) or type(item) in (list, tuple, dict):
        # A container's contents follow it in the list: its kind is all that is left to compare.
        return item if isinstance(item, SCALARS) else type(item)
    try:
        return weakref.ref(item)
    except TypeError:  # a kind that knows no weak references; none that MindSpore has holds a cell
        return item


def _same(item: Any, other: Any) -> bool:
    if isinstance(item, weakref.ref):
        return item() is other
    if isinstance(item, SCALARS):
        return type(item) is type(other) and (item == other or (item != item and other != other))
    return item is other or item is type(other)


def checksum(found: list[Any]) -> int:
    """Checksum of all values: 64 bits of sum and 32 bits of CRC, in order.

    The CRC notices every change of up to 32 neighbouring bits and any exchange of values, the sum
    what the CRC misses. About 25 ms for 100 MB. It is no cryptographic hash: it guards against a
    training step, not against an attack.
    """
    crc, total, seen = 0, 0, set()
    for item in found:
        if not isinstance(item, (ms.Tensor, np.ndarray)) or id(item) in seen:
            continue
        seen.add(id(item))
        array = item.asnumpy() if isinstance(item, ms.Tensor) else item
        if array.dtype.hasobject:
            continue
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        crc = zlib.crc32(data.data, zlib.crc32(f"{array.dtype}{array.shape}".encode(), crc))
        words = len(data) // 8 * 8
        total = (total + int(data[:words].view(np.uint64).sum(dtype=np.uint64))) % 2**64
    return total << 32 | crc
