"""One process of bench/dataset/throughput.py: seconds of an image, with Ray or without."""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from typing import Any

from bench.common import processes
from bench.dataset import subject

MASKS, SHORT = 512, 8  # images of the shorter run: blocks of 8, as in the longer one


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds by which a longer run takes longer, over the images that it has more."""
    from fastxai import dataset

    make = functools.partial(subject.demo_rise, MASKS)
    settings = {"targets": "given", "progress": False}
    rise = make() if options.who == "local" else None

    def run(number: int) -> float:
        images = subject.demo_images(number)
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            if rise is not None:
                dataset.explain(rise, images, folder, **settings)
            else:
                dataset.explain_on_ray(make, images, folder, workers=1, **settings)
            return time.perf_counter() - begun

    run(SHORT)
    short, long = run(SHORT), run(SHORT + options.images)
    return {"seconds_per_image": (long - short) / options.images}


if __name__ == "__main__":
    processes.work(answer)
