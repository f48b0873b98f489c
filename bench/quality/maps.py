"""How many masks a map needs, and how good it is, by design and estimator: digits in known boxes.

For each picture, a reference map from many masks of another seed, drawn in balanced blocks. Then
the correlation with it that 6000 independent masks reach ('iid', 'centred', and 'plain' as in
mindspore_xai), and the fewest masks with which each kind of map reaches that, and 0.98. At one
number of masks, what the map is worth: share of its energy in the digit's box, whether its highest
pixel lies there, insertion and deletion. For every class that the network gives a probability of
0.05 or more, the noise of the kinds too. No time is measured.

Energy: of the map less its least value (Wang et al., "Score-CAM", CVPRW 2020, section 4.3).
Pointing game: Zhang et al., "Top-down Neural Attention by Excitation Backprop", IJCV 2018, without
a margin. Insertion and deletion: `fastxai.benchmark.Faithfulness`.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.common import record, timing
from bench.quality import designs, digits

KINDS = [kind for kind in designs.KINDS if kind[0] == "iid" or kind[1] != "plain"]  # or 'centred'
BASES = ("centred", "plain")  # of 'iid', at `BASE_MASKS`
BASE_MASKS = 6000  # of mindspore_xai's RISE
GOOD = 0.98  # a correlation whose masks are counted too
BINS = (0.05, 0.2, 0.5, 0.8, 0.95, 1.0)  # edges of the probability of a class
_STEP = 128
_LEAST = 256  # masks of a map
_NOISE_AT = (1024, 2048, 4096)
OPTIONS = {
    "network": record.Option("demo", choices=list(digits.SIDES)),
    "pictures": record.Option(50),
    "masks": record.Option(1024, "of the maps that are judged"),
    "most": record.Option(8192, "masks that are tried"),
    "reference": record.Option(digits.REFERENCE, "masks of a reference"),
}
_REFERENCE_SEED, _BASE_SEED, _SEED = 3 * 10**6, 2 * 10**6, 10**6


def fewest(numbers: Sequence[int], noises: Sequence[float], limit: float) -> int | None:
    """The first number whose noise is within a limit, or None."""
    return next((n for n, noise in zip(numbers, noises, strict=True) if noise <= limit), None)


def energy_in_box(saliency: np.ndarray, box: Sequence[int]) -> float:
    """Share of a map's energy above its least value that lies in a box."""
    energy = saliency - saliency.min()
    return float(energy[box[0] : box[2], box[1] : box[3]].sum() / energy.sum())


def hits(saliency: np.ndarray, box: Sequence[int]) -> bool:
    """Whether the highest pixel of a map lies in a box."""
    row, col = divmod(int(np.argmax(saliency)), saliency.shape[1])
    return box[0] <= row < box[2] and box[1] <= col < box[3]


class Judge:
    """What a map is worth.

    Args:
        network: The classifier.
    """

    def __init__(self, network: Any) -> None:
        from mindspore import nn

        from fastxai.benchmark import Faithfulness
        from fastxai.explainer import RISE

        self._rise = RISE(network, nn.Softmax())
        self._metrics = {
            "insertion": Faithfulness(10, nn.Softmax(), "InsertionAUC", batch_size=128),
            "deletion": Faithfulness(10, nn.Softmax(), "DeletionAUC", batch_size=128),
        }

    def __call__(self, saliency: np.ndarray, case: digits.Case) -> dict[str, Any]:
        """Energy in the box, a hit or not, insertion and deletion; the higher the better."""
        import mindspore as ms

        image = ms.Tensor(case.image[None])
        shown = ms.Tensor(saliency[None, None].astype(np.float32))
        return {
            "energy": energy_in_box(saliency, case.box),
            "pointing": hits(saliency, case.box),
            **{
                name: float(metric.evaluate(self._rise, image, case.label, shown)[0])
                for name, metric in self._metrics.items()
            },
        }


def measure_case(
    case: digits.Case,
    index: int,
    shown: np.ndarray,
    score: digits.Scorer,
    judge: Judge,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Everything of one picture, in which the network `shown` these probabilities (10,)."""
    from fastxai.ops import MaskSpec

    size = case.image.shape[1:]
    spec = MaskSpec(_REFERENCE_SEED + index, size, design="oa128")
    scores = score(case.image, spec, options.reference)
    classes = [case.label, *(k for k in range(10) if k != case.label and shown[k] >= BINS[0])]
    exact = digits.maps_after([options.reference], scores[:, classes], spec, "centred")[0]
    spec = MaskSpec(_BASE_SEED + index, size)
    scores = score(case.image, spec, BASE_MASKS)[:, classes]
    bases = {
        name: digits.noise(digits.maps_after([BASE_MASKS], scores, spec, name)[0][0], exact[0])
        for name in BASES
    }
    numbers = range(_LEAST, options.most + 1, _STEP)
    found = [{"kind": "reference", **judge(exact[0], case)}]
    noises: dict[str, Any] = {}
    limits = {**bases, "good": 1 / GOOD**2 - 1}
    for design in dict(KINDS):
        spec = MaskSpec(_SEED + index, size, design=design)
        scores = score(case.image, spec, options.most)[:, classes]
        for own, estimator in KINDS:
            if own != design:
                continue
            maps = digits.maps_after(numbers, scores, spec, estimator)
            values = [
                [digits.noise(m, e) for m, e in zip(each, exact, strict=True)] for each in maps
            ]
            first = [value[0] for value in values]
            at = numbers.index(options.masks)
            name = f"{design} {estimator}"
            noises[name] = [
                float(np.mean([n * values[numbers.index(n)][k] for n in _NOISE_AT]))
                for k in range(len(classes))
            ]
            found.append(
                {
                    "kind": name,
                    "correlation": 1 / math.sqrt(1 + first[at]),
                    **{f"masks_{of}": fewest(numbers, first, most) for of, most in limits.items()},
                    **judge(maps[at][0], case),
                }
            )
    targets = [
        {
            "class": label,
            "probability": float(shown[label]),
            "noise": {name: values[k] for name, values in noises.items()},
        }
        for k, label in enumerate(classes)
    ]
    correlations = {name: 1 / math.sqrt(1 + noise) for name, noise in bases.items()}
    return {"picture": index, "bases": correlations, "kinds": found, "targets": targets}


def middle(values: Sequence[float | None]) -> dict[str, float | None]:
    """Median and quartiles of numbers of which None is above all others."""
    known = [math.inf if value is None else float(value) for value in values]
    with np.errstate(invalid="ignore"):  # between two that are above all
        made = np.quantile(known, (0.25, 0.5, 0.75), method="higher")
    q1, median, q3 = (None if math.isinf(value) else float(value) for value in made)
    return {"q1": q1, "median": median, "q3": q3}


def summary(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each kind of map, over all pictures."""
    rows = []
    for place, first in enumerate(found[0]["kinds"]):
        each = [case["kinds"][place] for case in found]
        row: dict[str, Any] = {"kind": first["kind"]}
        for name in ("masks_centred", "masks_plain", "masks_good"):
            if name in first:
                row[name] = middle([one[name] for one in each])
        for name in ("correlation", "energy", "insertion", "deletion"):
            if name in first:
                row[name] = middle([one[name] for one in each])
        row["pointing"] = sum(one["pointing"] for one in each) / len(each)
        rows.append(row)
    return rows


def gains(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Noise of 'iid', 'centred' over that of each kind, by the probability of the class."""
    rows = []
    for low, high in zip(BINS[:-1], BINS[1:], strict=True):
        targets = [
            target
            for case in found
            for target in case["targets"]
            if low <= target["probability"] < high or target["probability"] == high == 1.0
        ]
        if not targets:
            continue
        row: dict[str, Any] = {"low": low, "high": high, "targets": len(targets), "gains": {}}
        for name in targets[0]["noise"]:
            ratios = [t["noise"]["iid centred"] / t["noise"][name] for t in targets]
            logs = np.log(ratios)
            row["gains"][name] = {
                "mean": float(np.exp(logs.mean())),
                "q1": timing.quantile(ratios, 0.25),
                "q3": timing.quantile(ratios, 0.75),
            }
        rows.append(row)
    return rows


def measure(options: argparse.Namespace) -> record.Outcome:
    """All pictures of a network, and their summary."""
    network = digits.network_of(options.network)
    score, judge = digits.Scorer(network, digits.SIDES[options.network]), Judge(network)
    found = []
    for index, case in enumerate(digits.cases(options.network, options.pictures)):
        shown = digits.probabilities(network, case.image)
        found.append(measure_case(case, index, shown, score, judge, options))
        own = {one["kind"]: one.get("masks_centred") for one in found[-1]["kinds"][1:]}
        print(f"picture {index}, class {case.label}: {own}", flush=True)
    results = {"engine": score.name, "kinds": summary(found), "gains": gains(found)}
    return record.Outcome(results, settings={"base": BASE_MASKS}, raw=found)


if __name__ == "__main__":
    record.main(digits.result_name("maps"), __doc__, OPTIONS, measure)
