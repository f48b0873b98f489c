"""Finds the fastest batch size by timing the network and engine that will score."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_START = 32
_LEAST = 8  # smaller batches were never faster; they are only for want of memory
_GAIN = 1.05  # a larger batch has to be this much faster to be worth its memory
_TIE = 0.98  # a smaller one may be this much slower
_SHARE = 0.03  # of the whole run that trying may take, after the first size
_MEMORY_SHARE = 0.5  # of the free memory that a batch may take
_OUT_OF_MEMORY = re.compile(
    r"out of memory|bad_alloc|allocat\w* (?:\w+ )?fail|fail\w* to alloc|(?:not|n't) enough|"
    r"insufficient memory",
    re.IGNORECASE,
)


@dataclass
class BatchSearch:
    """The batch sizes that were tried, and the best one.

    Attributes:
        size: Images at a time.
        rates: Images a second, by size.
        too_large: The smallest size that did not fit into memory, or was foreseen not to.
        failed: Whether it was tried.
    """

    size: int = 0
    rates: dict[int, float] = field(default_factory=dict)
    too_large: int | None = None
    failed: bool = False

    def __str__(self) -> str:
        rates = ", ".join(f"{size}: {rate:.0f}/s" for size, rate in sorted(self.rates.items()))
        text = f"{self.size} images at a time ({rates})"
        if self.too_large is not None:
            ending = "did not fit into memory" if self.failed else "would take too much memory"
            text += f"; {self.too_large} {ending}"
        return text


def best_batch_size(
    seconds_of: Callable[[int], float],
    total: int,
    *,
    free_memory: Callable[[], int | None] = lambda: free_bytes(),
    used_memory: Callable[[], int | None] = lambda: peak_bytes(),
    clock: Callable[[], float] = time.perf_counter,
) -> BatchSearch:
    """The fastest size of batches, by doubling and halving from 32.

    Args:
        seconds_of: Scores a batch of a size and says how long that took, once it was warm.
        total: Images of the whole run: the largest size, and the measure of how long to try.
        free_memory: Bytes that are free; None where that is unknown.
        used_memory: The most bytes that this process has had; None where that is unknown.
        clock: Seconds.

    Returns:
        The sizes that were tried, and the best one.

    Raises:
        MemoryError: Not even one image fits, or whatever `seconds_of` raised for it.
        Exception: Others of `seconds_of`.
    """
    found = BatchSearch()
    begun = clock()

    def tried(size: int) -> float | None:
        """Images a second, or None where it does not fit."""
        before = used_memory()
        try:
            rate = size / max(seconds_of(size), 1e-9)
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            found.too_large, found.failed = size, True
            return None
        found.rates[size] = rate
        after, free = used_memory(), free_memory()
        if None not in (before, after, free) and 2 * (after - before) > _MEMORY_SHARE * free:  # type: ignore[operator]
            found.too_large = found.too_large or 2 * size
        return rate

    def affordable() -> bool:
        return clock() - begun <= _SHARE * total / found.rates[found.size]

    size = min(_START, total)
    while tried(size) is None:
        size //= 2
    found.size = size
    while affordable() and 2 * found.size <= min(total, (found.too_large or total + 1) - 1):
        rate = tried(2 * found.size)
        if rate is None or rate < _GAIN * found.rates[found.size]:
            break
        found.size *= 2
    while found.size == size and size // 2 >= _LEAST and affordable():
        size //= 2
        if (tried(size) or 0.0) < _TIE * found.rates[found.size]:
            break
        found.size = size
    return found


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory was lacking; MindSpore and engines say it in words."""
    return isinstance(error, MemoryError) or bool(_OUT_OF_MEMORY.search(str(error)))


def free_bytes(meminfo: str = "/proc/meminfo") -> int | None:
    """Memory that the kernel could still give out; None where it does not tell."""
    return _kilobytes(meminfo, "MemAvailable")


def peak_bytes(status: str = "/proc/self/status") -> int | None:
    """The most memory that this process has had; None where the kernel does not tell."""
    return _kilobytes(status, "VmHWM")


def _kilobytes(path: str, name: str) -> int | None:
    try:
        with open(path, encoding="ascii", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                if key == name:
                    return int(value.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
