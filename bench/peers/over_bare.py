"""What fastxai adds to an engine's forward passes: RISE and Occlusion at 224x224.

After each batch of an explanation the engine that scored it scores a batch of masked images that is
there already. A ratio is the time of an explanation over that of its bare passes: masks, products,
sums and whatever a call costs once, such as the checksum of the weights. Setting up, once per
network, is not in it. OpenVINO and ONNX Runtime compute in float32, or with --bfloat16 OpenVINO in
bfloat16; a process each.

EfficientNet-Lite0 is about four times as fast as ResNet50: what is added weighs more there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from bench.common import processes, record, timing
from bench.common.classifiers import CLASSIFIERS
from bench.common.machine import INSTALLED, machine
from bench.peers import libraries

ENGINES = ("openvino", "onnxruntime")  # MindSpore's bare passes: bench.peers.explainers
MOST = 1.02
OPTIONS = {
    "network": record.Option("resnet50", choices=CLASSIFIERS),
    "engines": record.Option(list(ENGINES), choices=ENGINES),
    "masks": record.Option(1024),
    "window": record.Option(7, "pixels; divides 224"),
    "batch": record.Option(32),
    "repeats": record.Option(3),
    "bfloat16": record.Option(False, "OpenVINO in bfloat16 in place of all in float32"),
}


def measure_engine(
    name: str, entry: libraries.Entry, explainer: str, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """A row of one engine, after its scores of the picture were compared with MindSpore's."""
    contender = libraries.start(name, entry, explainer, options, folder)
    try:
        libraries.score_error(name, entry, contender.ask("ready")["scores"], folder)
        answers = [contender.ask("run") for _ in range(options.repeats)]
    finally:
        contender.close()
    return {
        "explainer": explainer,
        "contender": name,
        "title": entry.title,
        "images": libraries.images_of(explainer, options),
        "seconds": timing.summary([answer["seconds"] for answer in answers]),
        "over_bare": timing.summary([answer["over_bare"] for answer in answers]),
    }


def wanted(
    name: str, entry: libraries.Entry, engines: list[str], precision: str = "float32"
) -> bool:
    """Whether a contender is fastxai by one of the engines in a precision."""
    return bool(entry.python) and name in {f"fastxai {engine} {precision}" for engine in engines}


def result_name(options: argparse.Namespace) -> str:
    """Names the result."""
    parts = [] if options.network == "resnet50" else [options.network]
    parts += ["bfloat16"] if options.bfloat16 else []
    return "_".join(["over_bare", *parts])


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the engines that are installed beside MindSpore."""
    if options.bfloat16 and not machine()["bfloat16"]:
        raise SystemExit("over_bare: this processor has no bfloat16 instructions")
    precision = "bfloat16" if options.bfloat16 else "float32"
    nobody = {"peer_python": None, "torch_python": None, "openvino_xai_python": None}
    asked = argparse.Namespace(**vars(options), **nobody, engine_batch=options.batch)
    rows = []
    with tempfile.TemporaryDirectory(prefix="fastxai-over-bare-") as name:
        given = {"folder": name, "network": options.network}
        processes.ask_worker(libraries.NETWORK_WRITER, given, INSTALLED)
        for explainer in libraries.EXPLAINERS:
            for who, entry in libraries.entries(asked).items():
                if wanted(who, entry, options.engines, precision):
                    rows.append(measure_engine(who, entry, explainer, asked, Path(name)))
                    print(f"{explainer}, {who}: {rows[-1]['over_bare']['median']:.3f}", flush=True)
    targets = [
        record.target(
            f"{row['explainer']}, {row['title']}, {row['images']} images: time over the engine's "
            "bare passes",
            row["over_bare"]["median"],
            MOST,
            at_least=False,
        )
        for row in rows
    ]
    return record.Outcome(rows, ["scores of the picture agree with MindSpore's"], targets)


if __name__ == "__main__":
    record.main(result_name, __doc__, OPTIONS, measure)
