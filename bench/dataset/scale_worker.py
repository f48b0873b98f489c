"""One process of bench/dataset/scale.py: memory while many small images are explained."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import processes

SIZE, MASKS = 16, 64


def own_bytes() -> int:
    """Memory that this process has filled, in RAM or swapped out.

    Pages of libraries and other files are not counted: the kernel drops them where others need the
    memory, and reads them again.
    """
    sizes: dict[str, int] = {}
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "VmSwap"):
            sizes[name] = int(value.split()[0]) * 1024
    return sizes["RssAnon"] + sizes["VmSwap"]


def answer(options: argparse.Namespace) -> dict[str, Any]:
    """Memory after a tenth of the images and after all of them."""
    from fastxai import dataset, models

    kept: list[np.ndarray] = []

    def colours(batch: np.ndarray) -> np.ndarray:
        return batch.mean(axis=(2, 3))

    rise = models.RISE(
        models.Callable(colours, identity="mean colours"), "softmax", num_masks=MASKS, seed=0
    )
    seen: list[int] = []

    def images() -> Iterator[tuple[str, np.ndarray, int]]:
        random = np.random.default_rng(0)
        for index in range(options.images):
            if index == options.images // 10:
                seen.append(own_bytes())
            kept.append(np.ones(options.leak, np.uint8))
            yield f"{index:06d}", random.random((3, SIZE, SIZE), np.float32), index % 3

    with tempfile.TemporaryDirectory() as folder:
        done = dataset.explain(rise, images(), folder, targets="given", progress=False)
        seen.append(own_bytes())
    assert (done.images, done.failed) == (options.images, 0)
    return {
        "images": options.images,
        "bytes": seen[-1],
        "growth_bytes": seen[-1] - seen[0],
        "seconds": done.seconds,
    }


if __name__ == "__main__":
    processes.work(answer)
