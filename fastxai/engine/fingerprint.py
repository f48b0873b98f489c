"""Whether a network is still the one that an engine was made from.

Two things are compared: the *structure* by identity (which cells, Parameters, functions and plain
attributes the network consists of, see `network.cell_copy.signature`), and the *values* of all its
Parameters, Tensors and arrays by a checksum. Structures are held by weak references, so that
nothing here keeps a network alive. What other Python objects hold inside is not looked at.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.network.cell_copy import SCALARS, base_attributes, hook_attributes, signature


def structure_of(cells: Sequence[nn.Cell]) -> list[Any]:
    """Everything that the cells consist of, strongly held: for the moment only.

    The first cell counts as itself. Of the others, layers of MindSpore's own without weights count
    as what they are: every `nn.Softmax()` is like the other.
    """
    found = list(signature(cells[0]))
    for cell in cells[1:]:
        described = _description(cell)
        found += signature(cell) if described is None else described
    return found


def _description(cell: nn.Cell) -> list[Any] | None:
    """A layer in plain values, or None where it holds anything else."""
    kind = type(cell)
    if not kind.__module__.startswith("mindspore.") or next(cell.get_parameters(), None):
        return None
    hooks = hook_attributes()
    found: list[Any] = [f"{kind.__module__}.{kind.__qualname__}"]
    for name, value in vars(cell).items():
        if name in hooks and value:
            return None
        if name in ("_cells", "_primitives"):
            value = tuple(value.items())
        elif name in base_attributes():
            continue
        text = _plain(value)
        if text is None:
            return None
        found += [name, text]
    return found


def _plain(value: Any) -> str | None:
    """A value as text that says all there is to it, or None."""
    if isinstance(value, (*SCALARS, ms.ops.Primitive)):
        return repr(value)  # 'Prim[Softmax]<axis=(-1,)>'
    if isinstance(value, nn.Cell):
        described = _description(value)
        return None if described is None else repr(described)
    if type(value) in (list, tuple):
        parts = [_plain(item) for item in value]
        return None if None in parts else repr(parts)
    return None


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
