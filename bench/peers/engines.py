"""Which networks of MindCV another engine can score, how exactly, and how fast.

Each network is run in a process of its own, with random weights: MindSpore (PYNATIVE), OpenVINO in
float32 and bfloat16, and ONNX Runtime, in turns, on one batch of masked images. Needs mindcv,
openvino and onnxruntime.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from bench.common import processes, record
from bench.common.machine import INSTALLED

# One or two of each family of MindCV 0.3, the common small ones.
MODELS = (
    *("resnet50", "mobilenet_v2_100", "mobilenet_v3_small_100", "densenet121", "vgg16"),
    *("efficientnet_b0", "convnext_tiny", "vit_b_16_224", "swin_tiny"),
    *("BiT_resnet50", "cait_xxs24_224", "cmt_tiny", "coat_lite_tiny", "convit_tiny"),
    *("convnextv2_atto", "crossvit_9", "dpn92", "edgenext_xx_small", "efficientnet_v2_s"),
    *("ghostnet_100", "googlenet", "halonet_50t", "hrnet_w32", "inception_v3", "inception_v4"),
    *("mae_b_16_224_finetune", "mixnet_s", "mlp_mixer_s_p16", "mnasnet_100", "mobilenet_v1_100"),
    *("mobilevit_xx_small", "nasnet_a_4x1056", "pit_ti", "pnasnet", "poolformer_s12"),
    *("pvt_tiny", "pvt_v2_b0", "regnet_x_800mf", "repmlp_t224", "repvgg_a0", "res2net50"),
    *("resnest50", "resnetv2_50", "resnext50_32x4d", "rexnet_09", "senet154", "seresnet50"),
    *("shufflenet_v1_g3_10", "shufflenet_v2_x1_0", "skresnet50", "squeezenet1_0"),
    *("swinv2_tiny_window8", "visformer_tiny", "volo_d1", "xception", "xcit_tiny_12_p16_224"),
)
CHECK = "every engine's scores of the batch were compared with MindSpore's before it was timed"
_WORKER = "bench.peers.engines_worker"


OPTIONS = {
    "models": record.Option(list(MODELS)),
    "batch": record.Option(32, "images at a time"),
    "repeats": record.Option(3, "0: errors alone, without speeds"),
    "add": record.Option(False, "keep the results of networks that are not named"),
}


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Runs a worker for every network."""
    rows: list[dict[str, Any]] = []
    if options.add:
        rows = json.loads((options.results / "engines.json").read_text())["results"]
    found = {name: version(name) for name in ("mindcv", "openvino", "onnxruntime")}
    about = {"versions": record.versions() | found}
    for name in options.models:
        rows = _joined(rows, [_row(name, options)])
        yield record.Outcome(rows, [CHECK], about=about)


def _row(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What a worker found out about a network; when, by which processor and under which load."""
    asked = {"name": name, "batch": options.batch, "repeats": options.repeats}
    about = record.header()
    note = {key: about[key] for key in ("made", "commit", "load_before")}
    note["cpu"] = about["machine"]["cpu"]
    try:
        row = processes.ask_worker(_WORKER, asked, INSTALLED)
    except RuntimeError:
        row = {"model": name, "failed": "MindSpore cannot run it"}
    return {**row, **note}


def _joined(before: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an earlier run and new ones, in the order of MODELS."""
    kept = {row["model"]: row for row in [*before, *rows]}
    order = [name for name in MODELS if name in kept]
    return [kept[name] for name in [*order, *(name for name in kept if name not in order)]]


if __name__ == "__main__":
    record.main("engines", __doc__, OPTIONS, measure)
