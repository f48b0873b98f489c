"""An explanation by fastxai with bare forward passes between its batches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import mindspore as ms
import numpy as np

from bench.common.explainers import SIZE, TARGET_CLASS
from bench.micro.fill import aligned


def clocks() -> np.ndarray:
    """Wall clock, and processor time of all threads of this process, in seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def random_stack(rows: int) -> np.ndarray:
    """Images (rows, 3, 224, 224) that begin at a cache line, where a pass is fastest."""
    stack = aligned((rows, 3, SIZE, SIZE))
    stack[:] = np.random.default_rng(1).standard_normal(stack.shape, np.float32)
    return stack


class PairedRun:
    """A run of fastxai with a bare forward pass after each of its batches.

    Explainer and bare pass take turns batch by batch, so that a slow minute of the machine slows
    both. The turn is taken in the `progress` callable, part of the explainers' interface.

    Args:
        explainer: fastxai's.
        bare: Network and activation on a precomputed random batch, waiting for the result.
        counted: Share of the images scored that are not padding. The bare passes are charged for
            no others.
    """

    def __init__(self, explainer: Any, bare: Callable[[], Any], counted: float) -> None:
        self._explainer = explainer
        self._bare = bare
        self._counted = counted
        self._left = clocks()  # when the last turn ended

    def __call__(self, inputs: ms.Tensor) -> dict[str, Any]:
        """Seconds of the explainer and of the bare passes, in all and batch by batch."""
        turns: list[np.ndarray] = []
        bare: list[np.ndarray] = []

        def take_turn(done: int, total: int) -> None:
            arrived = clocks()
            turns.append(arrived - self._left)
            self._bare()
            self._left = clocks()
            bare.append(self._left - arrived)

        start = self._left = clocks()
        saliency = self._explainer(inputs, TARGET_CLASS, progress=take_turn).asnumpy()
        own_s, own_cpu_s = clocks() - start - np.sum(bare, axis=0)
        bare_s, bare_cpu_s = self._counted * np.sum(bare, axis=0)
        return {
            "explainer_s": float(own_s),
            "bare_s": float(bare_s),
            "beyond": float(own_s / bare_s - 1.0),
            "beyond_cpu": float(own_cpu_s / bare_cpu_s - 1.0),
            "per_batch": [float(a[0] / b[0] - 1.0) for a, b in zip(turns, bare, strict=True)],
            "map": saliency,
        }
