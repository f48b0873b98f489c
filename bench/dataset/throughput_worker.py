"""One process of bench/dataset/throughput.py: seconds of an image, with Ray or without."""

from __future__ import annotations

import argparse
import functools
import tempfile
from pathlib import Path
from typing import Any

from bench.common import processes
from bench.dataset import subject

MASKS, BLOCK = 256, 64  # images of a block of a stream


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the part with the first block to the last part, over the images between."""
    from fastxai import dataset

    make = functools.partial(subject.demo_rise, MASKS)
    images = subject.demo_images(BLOCK + options.images)
    settings: dict[str, Any] = {"targets": "given", "progress": False}
    with tempfile.TemporaryDirectory() as folder:
        if options.who == "local":
            dataset.explain(make(), images, folder, **settings)
        else:
            dataset.explain_on_ray(make, images, folder, workers=1, **settings)
        written = sorted(part.stat().st_mtime for part in Path(folder).glob("part-*.parquet"))
    assert len(written) == len(images) // BLOCK
    return {"seconds_per_image": (written[-1] - written[0]) / options.images}


if __name__ == "__main__":
    processes.work(answer)
