"""Seconds to a RISE map as good as mindspore_xai's: fastxai with fewer masks and a faster engine.

How good a map is: its correlation with one from many masks. mindspore_xai 1.8.1 draws 6000 masks
for each picture, fastxai's RISE with 'oa128' as many as are named; a process each, in turns, a
picture a turn. A run whose median map of fastxai's is worse than mindspore_xai's fails. Last,
mindspore_xai without ONEDNN_MAX_CPU_ISA=AVX2, extrapolated from a few images.

The Python that runs this needs openvino or onnxruntime, and scikit-learn for the pictures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import digits, harness
from bench.explainers import INSTALLED, LIMITED
from bench.turns import Contender

WORKER = "bench.to_quality_worker"
PEER_MASKS = 6000
SLOW_MASKS = 8
_REFERENCE_SEED = 4 * 10**6
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
    common = ["--network", network, "--folder", str(folder)]
    started = {
        "fastxai": Contender(
            sys.executable,
            WORKER,
            ["--library", "fastxai", "--masks", str(options.masks), *common],
            INSTALLED,
        ),
        "mindspore_xai": Contender(
            python,
            WORKER,
            ["--library", "mindspore_xai", "--masks", str(PEER_MASKS), *common],
            LIMITED,
        ),
    }
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in started}
    try:
        for name, contender in started.items():
            answers[name].append(contender.ask("ready"))
        for picture in range(pictures):
            for name in harness.rotation(list(started), picture):
                answers[name].append(started[name].ask("run"))
            own = [f"{name} {found[-1]['seconds']:.2f} s" for name, found in answers.items()]
            print(f"  {network}, picture {picture}: {', '.join(own)}", flush=True)
    finally:
        for contender in started.values():
            contender.close()
    return answers


def correlations(
    network: str, cases: list[digits.Case], folder: Path, masks: int
) -> dict[str, list[float]]:
    """Of both maps of every picture with a map from many masks of another seed."""
    from fastxai.ops import MaskSpec

    score = digits.Scorer(digits.network_of(network), digits.SIDES[network])
    found: dict[str, list[float]] = {"fastxai": [], "mindspore_xai": []}
    for index, case in enumerate(cases):
        spec = MaskSpec(_REFERENCE_SEED + index, case.image.shape[1:], design="oa128")
        scores = score(case.image, spec, masks)[:, [case.label]]
        exact = digits.maps_after([masks], scores, spec, "centred")[0][0]
        for name, values in found.items():
            saliency = np.load(folder / f"{name}-{index}.npy")
            values.append(float(np.corrcoef(saliency.ravel(), exact.ravel())[0, 1]))
    return found


def measure(network: str, pictures: int, options: argparse.Namespace) -> dict[str, Any]:
    """A row for one network.

    Raises:
        RuntimeError: fastxai's maps are not as good; more masks are needed.
    """
    python = options.peer_python
    with tempfile.TemporaryDirectory(prefix="fastxai-quality-") as name:
        folder = Path(name)
        cases = write_cases(network, pictures, folder / "cases.npz")
        answers = take_turns(network, folder, pictures, options, python)
        arguments = ["--library", "mindspore_xai", "--network", network, "--folder", name]
        arguments += ["--masks", str(SLOW_MASKS), "--alone"]
        slow = harness.run_worker(WORKER, arguments, INSTALLED, python=python)
        rho = correlations(network, cases, folder, options.reference)
    seconds = {who: [one["seconds"] for one in found[1:]] for who, found in answers.items()}
    middle = {who: harness.summary(values) for who, values in rho.items()}
    if middle["fastxai"]["median"] < middle["mindspore_xai"]["median"]:
        raise RuntimeError(f"{network}: {middle}: take more than {options.masks} masks.")
    slow_s = slow["seconds"] * PEER_MASKS / SLOW_MASKS
    return {
        "network": network,
        "pictures": pictures,
        "masks": options.masks,
        "engine": answers["fastxai"][0]["engine"],
        "setup_s": {who: found[0]["setup_s"] for who, found in answers.items()},
        "seconds": {who: harness.summary(values) for who, values in seconds.items()},
        "correlation": middle,
        "times": harness.summary(harness.ratios(seconds["mindspore_xai"], seconds["fastxai"])),
        "installed_s": slow_s,
        "times_installed": slow_s / harness.summary(seconds["fastxai"])["median"],
    }


def main() -> None:
    """Measures the chosen networks."""
    parser = harness.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--peer-python", required=True, help="Python with mindspore_xai 1.8.1")
    parser.add_argument("--networks", nargs="+", choices=list(digits.SIDES), default=["demo"])
    parser.add_argument("--pictures", nargs="+", type=int, default=[30], help="of each network")
    parser.add_argument("--masks", type=int, default=512, help="of fastxai's maps")
    parser.add_argument("--reference", type=int, default=32768, help="masks of a reference")
    options = parser.parse_args()
    about = harness.header()
    harness.print_header(about)
    rows, targets = [], []
    for network, pictures in zip(options.networks, options.pictures, strict=True):
        row = measure(network, pictures, options)
        rows.append(row)
        for what, key, value in (
            ("with the variable", "with_variable", row["times"]["median"]),
            ("as installed, extrapolated", "as_installed", row["times_installed"]),
        ):
            text = f"{network}: times mindspore_xai {what}, to a map as good"
            targets.append(harness.target(text, value, LIMITS[key], at_least=True))
    names = ("networks", "pictures", "masks", "reference")
    settings = {name: getattr(options, name) for name in names}
    harness.write(options.results, "to_quality", about, settings, rows, [], targets)


if __name__ == "__main__":
    main()
