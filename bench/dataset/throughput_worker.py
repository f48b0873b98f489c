"""One process of bench/dataset/throughput.py: seconds of an image, with Ray or without."""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from typing import Any

from bench.common import processes
from bench.dataset import subject

MASKS, BLOCK = 256, 64  # images of a block of a stream


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds between the end of the first block and that of the last, over the images between."""
    from fastxai import dataset
    from fastxai.dataset import run

    ends: list[float] = []
    tell = run.Tally.tell

    def noted(tally: run.Tally, *counts: int) -> None:
        ends.append(time.perf_counter())
        tell(tally, *counts)

    make = functools.partial(subject.demo_rise, MASKS)
    images = subject.demo_images(BLOCK + options.images)
    settings: dict[str, Any] = {"targets": "given", "progress": False}
    run.Tally.tell = noted  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        if options.who == "local":
            dataset.explain(make(), images, folder, **settings)
        else:
            dataset.explain_on_ray(make, images, folder, workers=1, **settings)
    return {"seconds_per_image": (ends[-1] - ends[BLOCK - 1]) / (len(images) - BLOCK)}


if __name__ == "__main__":
    processes.work(answer)
