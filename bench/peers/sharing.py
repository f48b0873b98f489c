"""What maps of 8 classes cost beyond the map of one: ResNet50 at 224x224, in turns.

RISE and Occlusion score every perturbed image once, whatever the number of classes. By MindSpore
and, where installed, by OpenVINO.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.common import record, timing

CLASSES = 8
MOST = 1.05
_TITLES = {"rise": "RISE", "occlusion": "Occlusion"}
OPTIONS = {
    "engines": record.Option(["mindspore", "openvino"]),
    "masks": record.Option(256),
    "window": record.Option(14, "pixels; 257 windows by default"),
    "batch": record.Option(32),
    "repeats": record.Option(3),
}


def contenders(name: str, engine: str, options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Both calls of one explainer, checked: the map of a class does not depend on the others."""
    from bench.common.explainers import make_ours, picture
    from bench.common.resnet50 import make_resnet50

    count = options.masks if name == "rise" else (224 // options.window) ** 2
    explainer = make_ours(name, make_resnet50(), options.batch, count, engine=engine)
    inputs, many = picture(), [list(range(CLASSES))]
    found = {
        "one": lambda: explainer(inputs, 0, progress=False).asnumpy(),
        "many": lambda: explainer(inputs, many, progress=False).asnumpy(),
    }
    one, all_of_them = found["one"](), found["many"]()
    assert all_of_them.shape[1] == CLASSES
    np.testing.assert_allclose(all_of_them[:, :1], one, rtol=1e-5, atol=1e-7 * np.abs(one).max())
    return found


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the chosen engines."""
    rows, targets = [], []
    for engine in options.engines:
        for name, title in _TITLES.items():
            wall = timing.interleave(contenders(name, engine, options), options.repeats).wall
            ratio = timing.summary(timing.ratios(wall["many"], wall["one"]))
            seconds = {who: timing.summary(values) for who, values in wall.items()}
            rows.append({"explainer": name, "engine": engine, "seconds": seconds, "ratio": ratio})
            text = f"{title}, {engine}: {CLASSES} classes, times the cost of one"
            targets.append(record.target(text, ratio["median"], MOST, at_least=False))
            print(f"{name}, {engine}: {ratio['median']:.3f}", flush=True)
    return record.Outcome(rows, targets=targets, settings={"classes": CLASSES})


if __name__ == "__main__":
    record.main("sharing", __doc__, OPTIONS, measure)
