"""Images a second of a data set beside a loop of single calls, the cost of resuming, and Ray's.

A loop calls the explainer for one image after another. The data set explains the same images into
Parquet files, and computes their class scores, which the loop is spared. They take turns, and every
map is compared with the loop's before anything is timed.

`resume` is the time of the same call on a directory in which all is done, over that of the call
that made it. `ray` compares an actor of Ray with a process of its own, from the part with the first
block of images to the last part: what both need to start does not count. Each has one thread, and
the same priority: Ray gives its workers niceness 15 unless `RAY_worker_niceness` says otherwise.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.common import processes, record
from bench.common.timing import interleave, ratios, summary
from bench.dataset import subject

CASES: dict[str, tuple[Any, Any, int, int]] = {  # explainer, images, masks, images' number
    "demo, 8 pictures": (subject.demo_rise, subject.demo_images, 512, 8),
    "demo, 32 pictures": (subject.demo_rise, subject.demo_images, 512, 32),
    "ResNet-50, 4 pictures": (
        subject.resnet50_rise,
        lambda number: subject.noise(number, 224),
        64,
        4,
    ),
}
AIM, NEVER_BELOW, MOST_OF_RAY = 1.3, 1.0, 1.03
OPTIONS = {
    "cases": record.Option(list(CASES), choices=list(CASES)),
    "repeats": record.Option(7),
    "resumed": record.Option(256, "images of the run that is resumed"),
    "ray_images": record.Option(64, "images after the first block, a multiple of 64"),
    "ray_repeats": record.Option(5),
}


def explain(rise: Any, images: subject.Images, folder: str) -> Any:
    """The data set's call."""
    import fastxai.dataset

    return fastxai.dataset.explain(
        rise, images, folder, targets="given", dtype="float32", progress=False
    )


def loop(rise: Any, images: subject.Images) -> list[np.ndarray]:
    """A call for each image; maps (H, W)."""
    import mindspore as ms

    return [
        rise(ms.Tensor(image[None]), target, show=False).asnumpy()[0, 0]
        for _, image, target in images
    ]


def case_of(name: str, repeats: int) -> dict[str, Any]:
    """One case: the loop's seconds, the data set's, and their ratio."""
    import fastxai.dataset

    make, pictures, masks, number = CASES[name]
    rise, images = make(masks), pictures(number)
    with tempfile.TemporaryDirectory() as folder:
        explain(rise, images, folder)
        kept = [row["map"] for row in fastxai.dataset.open(folder)]
    for ours, alone in zip(kept, loop(rise, images), strict=True):
        np.testing.assert_array_equal(ours, alone)

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            explain(rise, images, folder)

    found = interleave({"loop": lambda: loop(rise, images), "dataset": whole}, repeats)
    row = {
        "case": name,
        "images": number,
        "masks": masks,
        "engine": rise.engine.engine,
        "images_per_s": {
            who: summary([number / seconds for seconds in found.wall[who]]) for who in found.wall
        },
        "ratio": summary(ratios(found.wall["loop"], found.wall["dataset"])),
        "cpu_ratio": summary(ratios(found.cpu["loop"], found.cpu["dataset"])),
    }
    print(f"{name}: {row['ratio']['median']:.2f} of a loop's speed", flush=True)
    return row


def resumed(number: int, repeats: int) -> dict[str, Any]:
    """Seconds of a call that finds all done, over those of the call that did it."""
    rise, images = subject.demo_rise(64), subject.demo_images(number)
    first, again = [], []
    for repeat in range(-1, repeats):
        with tempfile.TemporaryDirectory() as folder:
            seconds = []
            for earlier in (0, number):
                begun = time.perf_counter()
                done = explain(rise, images, folder)
                seconds.append(time.perf_counter() - begun)
                assert (done.images, done.earlier) == (number, earlier)
        if repeat >= 0:
            first.append(seconds[0])
            again.append(seconds[1])
    return {
        "images": number,
        "masks": 64,
        "ms_per_image": summary([value / number * 1e3 for value in again]),
        "share": summary(ratios(again, first)),
    }


def on_ray(images: int, repeats: int) -> dict[str, Any]:
    """Seconds of an image by an actor of Ray over those in a process of its own."""
    alike = {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}
    seconds: dict[str, list[float]] = {"local": [], "ray": []}
    for repeat in range(repeats):
        for who in sorted(seconds, reverse=bool(repeat % 2)):
            options = {"who": who, "images": images}
            answer = processes.ask_worker("bench.dataset.throughput_worker", options, alike)
            seconds[who].append(answer["seconds_per_image"])
    return {
        "images": images,
        "ms_per_image": {who: summary([s * 1e3 for s in seconds[who]]) for who in seconds},
        "ratio": summary(ratios(seconds["ray"], seconds["local"])),
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Measures every case, then what resuming and Ray cost."""
    checks = ["every map of the data set has the bits of a call of its own"]
    results: dict[str, Any] = {"cases": []}
    targets = []
    for name in options.cases:
        row = case_of(name, options.repeats)
        results["cases"].append(row)
        aim = AIM if name.startswith("demo") else NEVER_BELOW
        what = f"data set over a loop of calls: {name}"
        targets.append(record.target(what, row["ratio"]["median"], aim, at_least=True))
        yield record.Outcome(results, checks, targets)
    results["resume"] = resumed(options.resumed, min(options.repeats, 3))
    if importlib.util.find_spec("ray") is not None and options.ray_repeats:
        results["ray"] = row = on_ray(options.ray_images, options.ray_repeats)
        what = "an image by an actor of Ray over one in a process"
        targets.append(record.target(what, row["ratio"]["median"], MOST_OF_RAY, at_least=False))
    yield record.Outcome(results, checks, targets)


if __name__ == "__main__":
    record.main("throughput", __doc__, OPTIONS, measure)
