"""Noise of RISE maps by design and estimator, on the demo's network and pictures.

Every run of a picture is the masks of a seed of its own; a map of fewer masks uses the first of
them. Noise is 1 / rho^2 - 1 with rho the correlation with a reference map of the same picture, from
many more iid masks of another seed by the control variate. It falls as 1 / masks, so a ratio of
noises is a ratio of masks. No time is measured.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

from bench.common import record
from bench.quality import digits

BASE = ("iid", "centred")
KINDS = [
    (design, estimator)
    for design in ("iid", "oa128", "placed", "lattice")
    for estimator in ("plain", "centred", "control-variate")
    if (design, estimator) != ("lattice", "control-variate")  # would be biased
]
_REFERENCE_SEED = 10**6
OPTIONS = {
    "numbers": record.Option([512, 2048], "masks a map"),
    "runs": record.Option(12, "maps of each kind"),
    "reference": record.Option(49152, "masks of a reference"),
}


def pictures() -> list[tuple[str, Any, list[int]]]:
    """Name, image (3, 96, 96) float32 as the network takes it, and the two classes in it."""
    from fastxai.demo import normalize, samples

    return [(one.path.name, normalize(one.picture), list(one.labels)) for one in samples().values()]


def gains(noises: dict[tuple[str, str], dict[str, list[float]]]) -> list[dict[str, Any]]:
    """Mean noise of the base over that of each kind, per map, with its geometric mean.

    Args:
        noises: Per kind, per map, one value a run.
    """
    mean = {
        kind: {name: sum(values) / len(values) for name, values in maps.items()}
        for kind, maps in noises.items()
    }
    rows = []
    for kind, maps in mean.items():
        ratios = [mean[BASE][name] / value for name, value in maps.items()]
        rows.append(
            {
                "design": kind[0],
                "estimator": kind[1],
                "gain": math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios)),
                "least": min(ratios),
                "most": max(ratios),
                "correlation": sum(1 / math.sqrt(1 + v) for v in maps.values()) / len(maps),
            }
        )
    return rows


def measure_gains(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Gains for each number of masks."""
    from fastxai.ops import MaskSpec

    score = digits.Scorer(digits.network_of("demo"), digits.SIDES["demo"])
    noises: dict[int, dict[tuple[str, str], dict[str, list[float]]]] = {
        number: {kind: {} for kind in KINDS} for number in options.numbers
    }
    for file, image, labels in pictures():
        spec = MaskSpec(_REFERENCE_SEED, (96, 96))
        scores = score(image, spec, options.reference)[:, labels]
        reference = digits.maps_after([len(scores)], scores, spec, "control-variate")[0]
        print(f"{file}: mean probabilities {scores.mean(axis=0).round(3).tolist()}")
        for run in range(options.runs):
            for design in dict(KINDS):
                spec = MaskSpec(run, (96, 96), design=design)
                scores = score(image, spec, max(options.numbers))[:, labels]
                for number, kind in ((n, k) for n in options.numbers for k in KINDS):
                    if kind[0] != design:
                        continue
                    maps = digits.maps_after([number], scores, spec, kind[1])[0]
                    for label, own, exact in zip(labels, maps, reference, strict=True):
                        found = noises[number][kind].setdefault(f"{file}/{label}", [])
                        found.append(digits.noise(own, exact))
    return [{"masks": number, "kinds": gains(noises[number])} for number in options.numbers]


def measure(options: argparse.Namespace) -> record.Outcome:
    """Gains for each number of masks."""
    return record.Outcome(measure_gains(options))


if __name__ == "__main__":
    record.main("designs", __doc__, OPTIONS, measure)
