"""Blocks of images: what one process takes at a time, and what becomes one Parquet file.

Which images are in a block depends on the list alone, so that any number of workers makes the
same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from fastxai.dataset.items import Item

_LARGEST, _SMALLEST, _PARTS = 64, 8, 64
Block = tuple[int, int, list[Item]]  # number, index of its first image, its images


def block_size(images: int | None) -> int:
    """Images of a block: some 64 blocks, of 8 to 64 images; 64 of a stream."""
    if images is None:
        return _LARGEST
    return min(max(-(-images // _PARTS), _SMALLEST), _LARGEST)


def blocks_of(
    items: Sequence[Item] | Iterable[Item], size: int, shard: tuple[int, int] = (0, 1)
) -> Iterator[Block]:
    """The blocks of shard i of n: every n-th, from the i-th on."""
    first, step = shard
    if isinstance(items, list):
        for number in range(first, -(-len(items) // size), step):
            yield number, number * size, items[number * size : (number + 1) * size]
        return
    stream, number = iter(items), 0
    while some := list(islice(stream, size)):
        if number % step == first:
            yield number, number * size, some
        number += 1
