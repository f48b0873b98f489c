"""Times of work on a GPU: replays of CUDA graphs, contenders in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

from bench.common import timing
from bench.common.timing import GRAPH

Call = Callable[[], Any]


class Timed(NamedTuple):
    """Seconds of a call by contender, one value a repeat, and how each was timed."""

    samples: dict[str, list[float]]
    how: dict[str, str]  # GRAPH, or why it was not


def seconds_of(run: Call) -> float:
    """Seconds on the device between two events around what `run` queues."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    run()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1e3


def captured(call: Call, calls: int) -> Call:
    """What replays `calls` calls as one CUDA graph, so that the host's time is not in it.

    Raises:
        Exception: The call cannot be captured; what PyTorch says of it.
    """
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # what a call does the first time is no part of a graph
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(calls):
            call()
    replay: Call = graph.replay
    return replay


def runner(call: Call, calls: int) -> tuple[Call, str]:
    """What makes `calls` calls, and how: as a graph, or one after the other with the reason."""

    def one_by_one() -> None:
        for _ in range(calls):
            call()

    try:
        return captured(call, calls), GRAPH
    except Exception as error:  # whatever stops a capture, the calls themselves may work
        said = str(error).strip() or repr(error)
        return one_by_one, f"events around calls, no graph: {said.splitlines()[0]}"


def timed(contenders: Mapping[str, Call], repeats: int, calls: int = 20) -> Timed:
    """Seconds of a call on the device, contenders in turn, each first equally often.

    Args:
        contenders: What to call, by name. It queues its work on PyTorch's current stream.
        repeats: Samples of each.
        calls: Calls of a sample.
    """
    runs, how = {}, {}
    for name, call in contenders.items():
        runs[name], how[name] = runner(call, calls)
        if how[name] != GRAPH:
            print(f"{name}: {how[name]}")
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for repeat in range(-3, repeats):
        for name in timing.rotation(list(contenders), repeat):
            seconds = seconds_of(runs[name]) / calls
            if repeat >= 0:
                samples[name].append(seconds)
    return Timed(samples, how)


def in_turn(functions: list[Call]) -> Call:
    """Calls one after the other of them, so that no cache holds what is written next."""
    number = 0

    def run() -> None:
        nonlocal number
        functions[number % len(functions)]()
        number += 1

    return run
