"""Seconds to a RISE map as good as mindspore_xai's: fastxai with fewer masks and a faster engine.

How good a map is: its correlation with one from many masks. mindspore_xai 1.8.1 draws 6000 masks
for each picture, fastxai's RISE with 'oa128' makes a map of each number of masks that is named; a
process each, in turns, a picture a turn. What counts is the fewest masks whose maps are, in the
median over the pictures, no worse than mindspore_xai's; where none are, the run fails. Last,
mindspore_xai without ONEDNN_MAX_CPU_ISA=AVX2, extrapolated from a few images.

The Python that runs this needs openvino or onnxruntime, and scikit-learn for the pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import record, timing
from bench.common.machine import INSTALLED, LIMITED
from bench.common.processes import Contender
from bench.quality import digits

WORKER = "bench.quality.to_quality_worker"
PEER_MASKS = 6000
SLOW_MASKS = 8
_REFERENCE_SEED = 4 * 10**6
OPTIONS = {
    "peer_python": record.Option(None, "Python with mindspore_xai 1.8.1; needed"),
    "networks": record.Option(["demo"], choices=list(digits.SIDES)),
    "pictures": record.Option([30], "of each network"),
    "masks": record.Option([384, 512, 640, 768, 1024], "of fastxai's maps"),
    "reference": record.Option(32768, "masks of a reference"),
}
LIMITS = {"with_variable": 15.0, "as_installed": 1000.0}


def write_cases(network: str, number: int, path: Path) -> list[digits.Case]:
    """Cases in a file, for environments without scikit-learn."""
    found = digits.cases(network, number)
    images = np.stack([case.image for case in found])
    np.savez(path, images=images, labels=[case.label for case in found])
    return found


def take_turns(
    network: str, folder: Path, pictures: int, options: argparse.Namespace, python: str
) -> dict[str, list[dict[str, Any]]]:
    """Answers of both, one a picture, after a first one that sets up."""
    common = {"network": network, "folder": folder}
    ours = {"library": "fastxai", "masks": options.masks, **common}
    theirs = {"library": "mindspore_xai", "masks": [PEER_MASKS], **common}
    started = {
        "fastxai": Contender(sys.executable, WORKER, ours, INSTALLED),
        "mindspore_xai": Contender(python, WORKER, theirs, LIMITED),
    }
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in started}
    try:
        for name, contender in started.items():
            answers[name].append(contender.ask("ready"))
        for picture in range(pictures):
            for name in timing.rotation(list(started), picture):
                answers[name].append(started[name].ask("run"))
            own = [f"{name} {found[-1]['seconds']} s" for name, found in answers.items()]
            print(f"  {network}, picture {picture}: {', '.join(own)}", flush=True)
    finally:
        for contender in started.values():
            contender.close()
    return answers


def correlations(
    network: str, cases: list[digits.Case], folder: Path, options: argparse.Namespace
) -> dict[str, list[list[float]]]:
    """Of all maps with a map from many masks of another seed: per library and number, a list."""
    from fastxai.ops import MaskSpec

    score = digits.Scorer(digits.network_of(network), digits.SIDES[network])
    numbers = {"fastxai": options.masks, "mindspore_xai": [PEER_MASKS]}
    found: dict[str, list[list[float]]] = {who: [[] for _ in n] for who, n in numbers.items()}
    for index, case in enumerate(cases):
        spec = MaskSpec(_REFERENCE_SEED + index, case.image.shape[1:], design="oa128")
        scores = score(case.image, spec, options.reference)[:, [case.label]]
        exact = digits.maps_after([options.reference], scores, spec, "centred")[0][0]
        for who, each in numbers.items():
            for place, number in enumerate(each):
                saliency = np.load(folder / f"{who}-{number}-{index}.npy")
                rho = np.corrcoef(saliency.ravel(), exact.ravel())[0, 1]
                found[who][place].append(float(rho))
    return found


def fewest(numbers: Sequence[int], medians: Sequence[float], peer: float) -> int:
    """Place of the fewest masks whose median correlation is at least the peer's.

    Raises:
        RuntimeError: There is none.
    """
    enough = [place for place, median in enumerate(medians) if median >= peer]
    if not enough:
        raise RuntimeError(f"{dict(zip(numbers, medians, strict=True))}, mindspore_xai {peer}.")
    return min(enough, key=lambda place: numbers[place])


def measure_network(network: str, pictures: int, options: argparse.Namespace) -> dict[str, Any]:
    """A row for one network.

    Raises:
        RuntimeError: fastxai's maps are not as good; more masks are needed.
    """
    python = options.peer_python
    with tempfile.TemporaryDirectory(prefix="fastxai-quality-") as name:
        folder = Path(name)
        cases = write_cases(network, pictures, folder / "cases.npz")
        answers = take_turns(network, folder, pictures, options, python)
        asked = {"library": "mindspore_xai", "network": network, "folder": folder}
        asked["masks"] = [SLOW_MASKS]
        # Its second explanation: the first one, `ready`, sets up.
        alone = Contender(python, WORKER, asked, INSTALLED)
        alone.ask("ready")
        slow_s = alone.ask("run")["seconds"][0] * PEER_MASKS / SLOW_MASKS
        alone.close()
        rho = correlations(network, cases, folder, options)
    spreads = {who: [timing.summary(values) for values in each] for who, each in rho.items()}
    peer = spreads["mindspore_xai"][0]
    print(f"{network}: {spreads}", flush=True)
    place = fewest(options.masks, [own["median"] for own in spreads["fastxai"]], peer["median"])
    seconds = {
        "fastxai": [one["seconds"][place] for one in answers["fastxai"][1:]],
        "mindspore_xai": [one["seconds"][0] for one in answers["mindspore_xai"][1:]],
    }
    return {
        "network": network,
        "pictures": pictures,
        "masks": options.masks[place],
        "engine": answers["fastxai"][0]["engine"],
        "setup_s": {who: found[0]["setup_s"] for who, found in answers.items()},
        "seconds": {who: timing.summary(values) for who, values in seconds.items()},
        "correlation": {"fastxai": spreads["fastxai"][place], "mindspore_xai": peer},
        "tried": dict(zip(map(str, options.masks), spreads["fastxai"], strict=True)),
        "times": timing.summary(timing.ratios(seconds["mindspore_xai"], seconds["fastxai"])),
        "installed_s": slow_s,
        "times_installed": slow_s / timing.summary(seconds["fastxai"])["median"],
    }


def measure(options: argparse.Namespace) -> Iterator[record.Outcome]:
    """Measures the chosen networks, each of which takes long."""
    if options.peer_python is None:
        raise SystemExit("to_quality: --peer-python is needed")
    rows, targets = [], []
    for network, pictures in zip(options.networks, options.pictures, strict=True):
        row = measure_network(network, pictures, options)
        rows.append(row)
        for what, key, value in (
            ("with the variable", "with_variable", row["times"]["median"]),
            ("as installed, extrapolated", "as_installed", row["times_installed"]),
        ):
            text = f"{network}: times mindspore_xai {what}, to a map as good"
            targets.append(record.target(text, value, LIMITS[key], at_least=True))
        yield record.Outcome(rows, targets=targets)


if __name__ == "__main__":
    record.main("to_quality", __doc__, OPTIONS, measure)
