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
from bench.report.table import spread, table

CLASSES = 8
MOST = 1.05
EXPLAINERS = ("rise", "occlusion")
_TITLES = {"rise": "RISE", "occlusion": "Occlusion"}


def contenders(name: str, engine: str, options: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    """Both calls of one explainer, checked: the map of a class does not depend on the others."""
    from mindspore import nn

    from bench.common.resnet50 import make_resnet50
    from bench.peers.explainers_worker import picture
    from fastxai.explainer import RISE, Occlusion

    cells = (make_resnet50(), nn.Softmax(), options.batch)
    explainer: Any = (
        RISE(*cells, num_masks=options.masks, seed=0, engine=engine)
        if name == "rise"
        else Occlusion(*cells, window=options.window, engine=engine)
    )
    inputs, many = picture(), [list(range(CLASSES))]
    found = {
        "one": lambda: explainer(inputs, 0, progress=False).asnumpy(),
        "many": lambda: explainer(inputs, many, progress=False).asnumpy(),
    }
    one, all_of_them = found["one"](), found["many"]()
    assert all_of_them.shape[1] == CLASSES
    np.testing.assert_allclose(all_of_them[:, :1], one, rtol=1e-5, atol=1e-7 * np.abs(one).max())
    return found


def rows_table(result: dict[str, Any]) -> str:
    """Seconds and ratio, by explainer and engine."""
    rows = [
        [
            f"{_TITLES[row['explainer']]}, {row['engine']}",
            spread(row["seconds"]["one"]),
            spread(row["seconds"]["many"]),
            spread(row["ratio"], ".3f"),
        ]
        for row in result["results"]
    ]
    return table(["explanation", "1 class s", f"{CLASSES} classes s", "ratio"], rows)


def main() -> None:
    """Measures the chosen engines."""
    parser = record.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--engines", nargs="+", default=["mindspore", "openvino"])
    parser.add_argument("--masks", type=int, default=256)
    parser.add_argument("--window", type=int, default=14, help="pixels; 257 windows by default")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    about = record.header()
    record.print_header(about)
    rows, targets = [], []
    for engine in options.engines:
        for name in EXPLAINERS:
            calls = contenders(name, engine, options)
            wall = timing.interleave(calls, options.repeats).wall
            ratio = timing.summary(timing.ratios(wall["many"], wall["one"]))
            seconds = {who: timing.summary(values) for who, values in wall.items()}
            rows.append({"explainer": name, "engine": engine, "seconds": seconds, "ratio": ratio})
            text = f"{_TITLES[name]}, {engine}: {CLASSES} classes, times the cost of one"
            targets.append(record.target(text, ratio["median"], MOST, at_least=False))
            print(f"{name}, {engine}: {ratio['median']:.3f}", flush=True)
    names = ("masks", "window", "batch", "repeats")
    settings = {name: getattr(options, name) for name in names} | {"classes": CLASSES}
    record.write(options.results, "sharing", about, settings, rows, [], targets)


if __name__ == "__main__":
    main()
