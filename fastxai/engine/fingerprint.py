"""Whether a network is still the one that an engine was made from.

The *structure* is compared by identity (`network.structure`), the *values* of all Parameters,
Tensors and arrays by a checksum.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from fastxai.network.digest import layer_digest
from fastxai.network.structure import Structure


def structure_of(cells: Sequence[nn.Cell]) -> list[Any]:
    """Everything that the cells consist of, strongly held: for the moment only.

    The first cell counts as itself. Of the others, layers of MindSpore's own without weights count
    as what they are: every `nn.Softmax()` is like the other.
    """
    found = list(Structure(cells[0]).items)
    for cell in cells[1:]:
        digest = layer_digest(cell)
        found += Structure(cell).items if digest is None else [digest]
    return found


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
