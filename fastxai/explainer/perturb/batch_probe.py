"""`perturbation_per_eval='auto'`: the fastest number of copies at a time, tried on real copies."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

from fastxai.engine.autotune import best_batch_size
from fastxai.engine.mindspore import MindSporeEngine
from fastxai.perturbation.plan import Plan

if TYPE_CHECKING:
    from fastxai.engine.protocol import Engine
    from fastxai.explainer.perturb.backend import MindSporeBackend

_log = logging.getLogger("fastxai")


def fastest_batch(backend: MindSporeBackend, image: np.ndarray, plan: Plan, total: int) -> int:
    """Tries batches of an image, and logs what it finds.

    Args:
        backend: Scores them.
        image: (C, H, W).
        plan: Plan of the call.
        total: Copies of the whole run.

    Returns:
        Copies at a time.
    """
    source = plan.source(image)
    made: dict[int, Engine | None] = {}

    def seconds_of(size: int) -> float:
        copies = np.empty((size, *image.shape), np.float32)
        source.fill(copies, 0)
        engine = made[size] = backend.engine_for(
            copies.shape, total, lambda out: source.fill(out, 0)
        )
        score = engine or MindSporeEngine(backend.score_cell(backend.dtype))
        score(copies)
        start = time.perf_counter()
        score(copies)
        return time.perf_counter() - start

    found = best_batch_size(seconds_of, total)
    for size, engine in made.items():
        if engine is not None and size != found.size:
            backend.selector.discard(engine)
    level = logging.INFO if found.too_large is None else logging.WARNING
    _log.log(level, "%s: perturbation_per_eval='auto': %s.", backend.owner, found)
    return found.size
