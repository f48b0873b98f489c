"""Interleaved timing and its statistics."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

GRAPH = "CUDA graph"  # how work on a GPU is timed where it can be; see gpu_timing


def quantile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` of the samples lie, interpolated linearly.

    Raises:
        ValueError: There are no samples, or `share` is outside [0, 1].
    """
    if not samples or not 0.0 <= share <= 1.0:
        raise ValueError(f"quantile: {len(samples)} samples, share {share}.")
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def summary(samples: Sequence[float]) -> dict[str, float]:
    """Median, quartiles and number of samples."""
    return {
        "median": statistics.median(samples),
        "q1": quantile(samples, 0.25),
        "q3": quantile(samples, 0.75),
        "repeats": len(samples),
    }


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Ratio of each repeat, so that what slowed both down in a repeat cancels.

    Raises:
        ValueError: They are not of the same length.
    """
    return [a / b for a, b in zip(numerators, denominators, strict=True)]


def rotation(names: Sequence[str], repeat: int) -> list[str]:
    """Order of the contenders in a repeat: each comes first, second, ... equally often."""
    start = repeat % len(names)
    return [*names[start:], *names[:start]]


class Samples(NamedTuple):
    """Seconds of one call, by contender, one value per repeat."""

    wall: dict[str, list[float]]
    cpu: dict[str, list[float]]  # of all threads of the process: what others run does not count


def interleave(
    contenders: Mapping[str, Callable[[], Any]],
    repeats: int,
    *,
    warmup: int = 1,
    calls: int | Mapping[str, int] = 1,
    clocks: tuple[Callable[[], float], Callable[[], float]] = (
        time.perf_counter,
        time.process_time,
    ),
) -> Samples:
    """Times contenders in turn; which of them comes first changes from repeat to repeat.

    Args:
        contenders: What to call, by name.
        repeats: Samples of each.
        warmup: Untimed samples of each, before all others.
        calls: Calls that make one sample, of all contenders or by name.
        clocks: Wall clock and processor clock, in seconds.

    Returns:
        Seconds of one call.

    Raises:
        ValueError: A number is below its least.
    """
    number = dict.fromkeys(contenders, calls) if isinstance(calls, int) else dict(calls)
    if repeats < 1 or min(number.values()) < 1 or warmup < 0:
        raise ValueError(f"interleave: repeats {repeats}, calls {calls}, warmup {warmup}.")
    samples = Samples({name: [] for name in contenders}, {name: [] for name in contenders})
    names = list(contenders)
    for repeat in range(-warmup, repeats):
        for name in rotation(names, repeat):
            run = contenders[name]
            start = [clock() for clock in clocks]
            for _ in range(number[name]):
                run()
            seconds = [clock() - begun for clock, begun in zip(clocks, start, strict=True)]
            if repeat >= 0:
                for kept, value in zip(samples, seconds, strict=True):
                    kept[name].append(value / number[name])
    return samples


def equal_calls(
    contenders: Mapping[str, Callable[[], Any]],
    *,
    least: float = 0.0,
    timer: Callable[[], float] = time.perf_counter,
) -> dict[str, int]:
    """Calls per sample so that samples of all contenders take about as long as the slowest's.

    Or `least` seconds, where that is longer: a clock does not measure microseconds well.

    Without it a short contender fits between two interruptions by other processes, and a long
    one does not: on a busy machine that is an advantage of its own.
    """
    seconds = {}
    for name, run in contenders.items():
        run()
        start = timer()
        run()
        seconds[name] = timer() - start
    longest = max(least, *seconds.values())
    return {name: max(1, round(longest / value)) for name, value in seconds.items()}
