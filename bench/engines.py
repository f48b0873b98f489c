"""Which networks of MindCV another engine can score, how exactly, and how fast.

Each network is run in a process of its own, with random weights: MindSpore, OpenVINO in float32 and
bfloat16, ONNX Runtime, in turns, on a batch of masked images. Needs mindcv, openvino, onnxruntime.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from bench import harness

# One of each family of MindCV 0.3, the smallest that is common; the first eight are in the README.
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
_SIZES = {"swinv2_tiny_window8": 256, "inception_v3": 299, "inception_v4": 299, "xception": 299}
_ENGINES = (("openvino", "float32"), ("onnxruntime", "float32"), ("openvino", "bfloat16"))
_CALIBRATION_PASSES = 30  # of BatchNorm's moving averages: 0.9^30 of their start is left


def main() -> None:
    """Runs a worker for every network and writes results/engines.json."""
    parser = harness.parser(__doc__)
    parser.add_argument("--models", nargs="*", default=list(MODELS), metavar="NAME")
    parser.add_argument("--batch", type=int, default=32, help="images at a time")
    parser.add_argument("--mindspore-batch", type=int, default=8, help="the same for MindSpore")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(harness.json.dumps(_measured(options)))
        return
    about = harness.header()
    about["versions"] |= _versions("mindcv", "openvino", "onnxruntime")
    harness.print_header(about)
    results = []
    for name in options.models:
        arguments = ["--worker", name, "--batch", str(options.batch)]
        arguments += ["--mindspore-batch", str(options.mindspore_batch)]
        arguments += ["--repeats", str(options.repeats)]
        try:
            row = harness.run_worker("bench.engines", arguments, {"ONEDNN_MAX_CPU_ISA": None})
        except RuntimeError as error:
            row = {"model": name, "failed": str(error)}
        results.append(row)
        print(_line(row), flush=True)
    settings = {"batch": options.batch, "mindspore_batch": options.mindspore_batch}
    checks = ["every engine's scores were compared with MindSpore's before it was timed"]
    harness.write(options.results, "engines", about, settings, results, checks, [])


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    """Errors and speeds of one network."""
    import mindspore as ms
    import numpy as np
    from mindspore import nn

    from fastxai.engine.export import exported
    from fastxai.engine.making import _class_of, relative_error
    from fastxai.engine.mindspore_cell import MindSporeEngine
    from fastxai.engine.protocol import Unusable
    from fastxai.explainer.perturb.perturbation import ScoreCell
    from fastxai.ops import MaskSpec, masked_product

    name = options.worker
    network = _network(name)
    size = _SIZES.get(name, 224)
    image = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
    batch = masked_product(image, MaskSpec(0, (size, size)), count=options.batch)

    def cell() -> nn.Cell:
        # The bare output: the softmax of random weights hides errors or is all in one class.
        return ScoreCell(network, nn.Identity(), ms.float32).set_train(False)

    mindspore = MindSporeEngine(cell())
    few = np.ascontiguousarray(batch[: options.mindspore_batch])
    expected = mindspore(few)
    row: dict[str, Any] = {"model": name, "size": size, "engines": {}}
    row["spread"] = float(expected.std(axis=0).mean() / np.abs(expected).max())
    contenders = {"mindspore": lambda: mindspore(few)}
    try:
        model = exported(cell(), batch.shape)
        row["megabytes"] = len(model) / 1e6
    except Unusable as unusable:
        row["not_exported"] = unusable.reason
        return row
    for engine, precision in _ENGINES:
        try:
            made = _class_of(engine)(model, batch.shape, precision)
            error = relative_error(made(batch)[: len(few)], expected)
        except Exception as failure:  # a row of the table, whatever it is
            row["engines"][f"{engine} {precision}"] = {"failed": str(failure).splitlines()[0]}
            continue
        row["engines"][f"{engine} {precision}"] = {"error": error}
        if np.isfinite(error):
            contenders[f"{engine} {precision}"] = lambda made=made: made(batch)
    samples = harness.interleave(contenders, options.repeats)
    for contender, seconds in samples.wall.items():
        images = len(few) if contender == "mindspore" else len(batch)
        rates = [images / value for value in seconds]
        row["engines"].setdefault(contender, {})["images_per_s"] = harness.summary(rates)
        if contender != "mindspore":
            own = [len(few) / value for value in samples.wall["mindspore"]]
            row["engines"][contender]["speedup"] = harness.summary(harness.ratios(rates, own))
    return row


def _network(name: str) -> Any:
    """The network with random weights, and BatchNorm's averages near those of its activations.

    With the averages it is made with, activations grow or vanish from layer to layer, and the
    output says nothing about the layers between.
    """
    import mindcv
    import mindspore as ms
    import numpy as np
    from mindspore import nn

    ms.set_seed(0)
    np.random.seed(0)
    network = mindcv.create_model(name)
    norms = [c for _, c in network.cells_and_names() if isinstance(c, nn.BatchNorm2d)]
    if norms:
        size = _SIZES.get(name, 224)
        images = np.random.default_rng(1).normal(size=(4, 3, size, size)).astype(np.float32)
        network.set_train(True)
        for _ in range(_CALIBRATION_PASSES):
            network(ms.Tensor(images))
    return network.set_train(False)


def _versions(*packages: str) -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in packages}


def _line(row: dict[str, Any]) -> str:
    if "engines" not in row or "not_exported" in row:
        return f"{row['model']}: {row.get('not_exported') or row.get('failed')}"
    parts = []
    for name, figures in row["engines"].items():
        rate = figures.get("images_per_s", {}).get("median", float("nan"))
        error = figures.get("error", 0.0)
        parts.append(f"{name} {rate:.1f}/s {error:.1e}" + (" failed" * ("failed" in figures)))
    return f"{row['model']}: " + ", ".join(parts)


if __name__ == "__main__":
    os.environ.setdefault("GLOG_v", "3")
    sys.exit(main())
