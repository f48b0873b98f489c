"""Noise of RISEPlus maps by design: a ResNet-50 for digits, and an OoDNet as in the tutorial.

Maps of one picture from different seeds differ by their noise alone. With R the correlation of two
of them, 1 / R - 1 is the variance of the noise over that of the map; its mean over all pairs of
seeds falls as 1 / masks, so a ratio of two such means is a ratio of masks. No time is measured.

The Python that runs this needs scikit-learn; with openvino or onnxruntime it is faster.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record
from bench.quality import digits

DESIGNS = ("iid", "oa128")
_NETWORK = "resnet50"
_BATCH = 32
_EPOCHS = 10  # of the OoDNet, and batches of four, as in examples/using_rise_plus.py
OPTIONS = {
    "pictures": record.Option(20),
    "masks": record.Option(1024, "of a map"),
    "seeds": record.Option(4, "maps of a picture and design"),
}


def pair_noise(maps: Sequence[np.ndarray]) -> float:
    """Mean of 1 / R - 1 over all pairs of maps of one picture."""
    found = np.corrcoef([saliency.ravel() for saliency in maps])
    pairs = itertools.combinations(range(len(maps)), 2)
    return float(np.mean([1 / found[i, j] - 1 for i, j in pairs]))


def trained() -> tuple[Any, Any]:
    """The OoDNet and its classifier."""
    network = digits.network_of(_NETWORK)  # lets the examples be imported, too
    from common.dataset import load_dataset
    from make_data import make_data
    from mindspore import nn

    from fastxai.tool.cv import OoDNet

    ood_net = OoDNet(network, 10)
    with tempfile.TemporaryDirectory(prefix="fastxai-riseplus-") as name:
        make_data(Path(name) / "data")
        pictures = load_dataset(Path(name) / "data" / "train").batch(4)
        ood_net.train(pictures, nn.SoftmaxCrossEntropyWithLogits(), epoch=_EPOCHS)
    return ood_net, network


def measure_pictures(options: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each picture: its first digit's noise per design, and their ratio."""
    import mindspore as ms
    from mindspore import nn

    from fastxai.explainer import RISEPlus

    ood_net, network = trained()
    rows = []
    for index, case in enumerate(digits.cases(_NETWORK, options.pictures)):
        noises = {}
        for design in DESIGNS:
            maps = []
            for seed in range(options.seeds):
                explainer = RISEPlus(
                    ood_net,
                    network,
                    nn.Softmax(),
                    _BATCH,
                    num_masks=options.masks,
                    seed=1000 * index + seed,
                    design=design,
                )
                saliency = explainer(ms.Tensor(case.image[None]), case.label)
                maps.append(saliency.asnumpy()[0, 0].astype(np.float64))
            noises[design] = pair_noise(maps)
        row = {
            "picture": index,
            "class": case.label,
            "probability": float(digits.probabilities(network, case.image)[case.label]),
            "noise": noises,
            "gain": noises["iid"] / noises["oa128"],
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Geometric mean and extremes of the gains, and the median correlation of two maps."""
    gains = [row["gain"] for row in rows]
    return {
        "gain": math.exp(sum(math.log(gain) for gain in gains) / len(gains)),
        "least": min(gains),
        "most": max(gains),
        "pair_correlation": {
            design: float(np.median([1 / (1 + row["noise"][design]) for row in rows]))
            for design in DESIGNS
        },
    }


def measure(options: argparse.Namespace) -> record.Outcome:
    """Every picture, and a summary."""
    rows = measure_pictures(options)
    return record.Outcome(summary(rows), raw=rows)


if __name__ == "__main__":
    record.main("riseplus_designs", __doc__, OPTIONS, measure)
