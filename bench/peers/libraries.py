"""RISE and Occlusion of ResNet50 at 224x224: fastxai's engines, mindspore_xai 1.8.1, and others.

All explain one picture with one network of the same weights, in processes of their own that take
turns: fastxai by OpenVINO in float32 and bfloat16, by ONNX Runtime and by MindSpore; mindspore_xai
under ONEDNN_MAX_CPU_ISA=AVX2; a plain RISE in PyTorch; Captum's Occlusion; openvino_xai's RISE.
After each batch of fastxai's a bare pass of the same engine is run and timed, which does not count
for the explanation. Last, mindspore_xai as installed, on a few images.

Environments: that of this process has MindSpore, openvino and onnxruntime; the others are named,
and who is not named does not take part.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.common import processes, record, timing
from bench.common.machine import INSTALLED, LIMITED, machine
from bench.common.processes import Contender, Environment
from bench.peers.explainers import rates_installed

EXPLAINERS = ("rise", "occlusion")
PEER = "mindspore_xai"
DEFAULT_MASKS = 6000  # of mindspore_xai's RISE
_EXACT, _COARSE = "fastxai openvino float32", "fastxai openvino bfloat16"
# Others, and who of fastxai's computes in their precision.
# Without bfloat16 instructions openvino_xai computes in float32, too.
_OF_OPENVINO = _COARSE if machine()["bfloat16"] else _EXACT
OPPONENTS = {"torch": _EXACT, "captum": _EXACT, "openvino_xai": _OF_OPENVINO}
NETWORK_WRITER = "bench.peers.network_writer"
_LEAST = {_EXACT: 3.0, _COARSE: 5.0}  # times mindspore_xai's speed with the variable
# Of the scores of the picture, as shares of the largest.
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1}
OPTIONS = {
    "peer_python": record.Option(None, "Python with mindspore_xai 1.8.1; needed"),
    "torch_python": record.Option(None, "Python with torch and captum"),
    "openvino_xai_python": record.Option(None, "Python with openvino_xai"),
    "explainers": record.Option(list(EXPLAINERS), choices=EXPLAINERS),
    "masks": record.Option(256),
    "window": record.Option(14, "pixels; divides 224"),
    "batch": record.Option(32, "images at a time"),
    "engine_batch": record.Option(8, "images at a time by OpenVINO and ONNX Runtime"),
    "repeats": record.Option(5),
    "slow_batch": record.Option(4, "images per batch of mindspore_xai as installed"),
}


class Entry(NamedTuple):
    """Who takes part."""

    title: str
    python: str | None
    module: str
    options: dict[str, str]
    environment: Environment
    precision: str = "float32"
    explainers: tuple[str, ...] = EXPLAINERS


def entries(options: argparse.Namespace) -> dict[str, Entry]:
    """Everyone, by name."""
    ours = (
        ("openvino", "float32", "OpenVINO"),
        ("openvino", "bfloat16", "OpenVINO, bfloat16"),
        ("onnxruntime", "float32", "ONNX Runtime"),
        ("mindspore", "float32", "MindSpore"),
    )
    found = {
        f"fastxai {engine} {precision}": Entry(
            f"fastxai: {title}",
            sys.executable,
            "bench.peers.contender_fastxai",
            {"engine": engine, "precision": precision},
            INSTALLED,
            precision,
        )
        for engine, precision, title in ours
        if precision == "float32" or machine()["bfloat16"]
    }
    torch = (options.torch_python, "bench.peers.contender_torch", {}, INSTALLED, "float32")
    return found | {
        PEER: Entry(
            "mindspore_xai 1.8.1, `ONEDNN_MAX_CPU_ISA=AVX2`",
            options.peer_python,
            "bench.peers.contender_mindspore_xai",
            {},
            LIMITED,
        ),
        "torch": Entry("plain PyTorch", *torch, ("rise",)),
        "captum": Entry("Captum", *torch, ("occlusion",)),
        "openvino_xai": Entry(
            "openvino_xai (bfloat16 where OpenVINO chooses it)",
            options.openvino_xai_python,
            "bench.peers.contender_openvino_xai",
            {},
            {**INSTALLED, "TQDM_DISABLE": "1"},
            "bfloat16",
            ("rise",),
        ),
    }


class Turns(NamedTuple):
    """What contenders answered that made one explainer's maps in turns, by their names.

    Attributes:
        entries: Who they are.
        first: What each said when it was ready.
        errors: Of its scores of the picture.
        answers: One a repeat.
    """

    entries: dict[str, Entry]
    first: dict[str, Any]
    errors: dict[str, float]
    answers: dict[str, list[dict[str, Any]]]

    def seconds(self, name: str) -> list[float]:
        """Seconds of a contender's explanations."""
        return [answer["seconds"] for answer in self.answers[name]]


def run_turns(
    every: dict[str, Entry],
    explainer: str,
    options: argparse.Namespace,
    folder: Path,
    versions: dict[str, str],
) -> Turns:
    """Has everyone who can make this map make it; adds to the versions.

    Raises:
        AssertionError: Somebody scores another network.
    """
    taking = {
        name: entry
        for name, entry in every.items()
        if entry.python and explainer in entry.explainers
    }
    started: dict[str, Contender] = {}
    first: dict[str, Any] = {}
    try:
        for name, entry in taking.items():
            started[name] = start(name, entry, explainer, options, folder)
            first[name] = started[name].ask("ready")
            versions |= first[name]["versions"]
            print(f"  {name}: ready after {first[name]['setup_s']:.1f} s", flush=True)
        errors = {
            name: score_error(name, entry, first[name]["scores"], folder)
            for name, entry in taking.items()
        }
        answers = take_turns(started, options.repeats)
    finally:
        for contender in started.values():
            contender.close()
    return Turns(taking, first, errors, answers)


def rows_of(
    turns: Turns, explainer: str, options: argparse.Namespace, opponents: dict[str, str]
) -> list[dict[str, Any]]:
    """A row of figures a contender.

    Args:
        turns: What they answered.
        explainer: What they made.
        options: Of the benchmark.
        opponents: Others, and who of fastxai's they are held against.
    """
    rows = []
    for name, entry in turns.entries.items():
        over = [answer["over_bare"] for answer in turns.answers[name] if "over_bare" in answer]
        row = {"explainer": explainer, "contender": name, "title": entry.title}
        row |= {"images": images_of(explainer, options)}
        row |= {"setup_s": turns.first[name]["setup_s"], "error": turns.errors[name]}
        row |= {"seconds": timing.summary(turns.seconds(name))}
        row |= {"over_bare": timing.summary(over) if over else None}
        if name in opponents:
            own = turns.seconds(opponents[name])
            row["fastxai_times"] = timing.summary(timing.ratios(turns.seconds(name), own))
        rows.append(row)
    return rows


def measure_explainer(
    explainer: str, options: argparse.Namespace, folder: Path, versions: dict[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of everyone who can make this map, in turns, and what was checked."""
    turns = run_turns(entries(options), explainer, options, folder, versions)
    checks = [f"{explainer}: scores of the picture agree with MindSpore's"]
    checks += _map_checks(explainer, list(turns.entries), folder)
    rows = rows_of(turns, explainer, options, OPPONENTS)
    peer = turns.seconds(PEER)
    for row in rows:
        ratios = timing.ratios(peer, turns.seconds(row["contender"]))
        row["times_peer"] = timing.summary(ratios)
    return rows, checks


def images_of(explainer: str, options: argparse.Namespace) -> int:
    """Images that are scored for a map."""
    return options.masks if explainer == "rise" else 1 + (224 // options.window) ** 2


def start(
    name: str, entry: Entry, explainer: str, options: argparse.Namespace, folder: Path
) -> Contender:
    """A process that is ready to explain, in batches of the wanted size."""
    engine = name.startswith("fastxai") and "mindspore" not in name
    asked = {
        "network": getattr(options, "network", "resnet50"),
        "explainer": explainer,
        "images": images_of(explainer, options),
        "window": options.window,
        "batch": options.engine_batch if engine else options.batch,
        "folder": folder,
        "map": map_of(folder, explainer, name),
        **entry.options,
    }
    assert entry.python
    return Contender(entry.python, entry.module, asked, entry.environment)


def score_error(name: str, entry: Entry, scores: list[float], folder: Path) -> float:
    """Error of the scores of the picture, as a share of the largest; all have one network.

    Raises:
        AssertionError: It is another network.
    """
    expected = np.load(folder / "scores.npy")[0]
    error = float(np.abs(np.array(scores) - expected).max() / np.abs(expected).max())
    assert error <= TOLERANCE[entry.precision], f"{name}: scores differ by {error:.1e}"
    return error


def map_of(folder: Path, explainer: str, name: str) -> Path:
    return folder / f"{explainer}-{name.replace(' ', '-')}.npy"


def take_turns(started: dict[str, Contender], repeats: int) -> dict[str, list[dict[str, Any]]]:
    """Answers of everyone, one a repeat; who comes first changes from repeat to repeat."""
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in started}
    for repeat in range(repeats):
        for name in timing.rotation(list(started), repeat):
            answers[name].append(started[name].ask("run"))
            print(f"  {name}: {answers[name][-1]['seconds']:.2f} s", flush=True)
    return answers


def _map_checks(explainer: str, names: list[str], folder: Path) -> list[str]:
    """Whether the maps of the last turn are what they should be.

    RISE's masks differ between libraries, fastxai's do not between engines; openvino_xai scales
    its map. Captum's value of a window is the drop, the others' half its absolute value.
    """
    maps = {name: np.load(map_of(folder, explainer, name)) for name in names}
    ours = maps["fastxai mindspore float32"].astype(np.float64)
    size = np.abs(ours - (ours.mean() if explainer == "rise" else 0.0)).max()
    checks = []
    for name, saliency in maps.items():
        if name.startswith("fastxai") or (explainer == "occlusion" and name != "captum"):
            error = float(np.abs(saliency - ours).max() / size)
        elif name == "captum":
            error = float(np.abs(np.abs(saliency) / 2 - ours).max() / size)
        elif name == "openvino_xai":
            continue
        else:
            error = abs(float(saliency.mean() / ours.mean()) - 1.0)
            assert error <= 0.1, f"{name}: the mean of its map is off by {error:.1%}"
            checks.append(f"{explainer}: mean of {name}'s map within {error:.1%} of fastxai's")
            continue
        if "bfloat16" not in name:
            assert error <= 1e-2, f"{name}: its map is off by {error:.1e}"
        checks.append(f"{explainer}: {name}'s map within {error:.1e} of that by MindSpore")
    return checks


def make_targets(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Times mindspore_xai's speed, and ahead of every other library."""
    targets = []
    slow = {row["explainer"]: row["images_per_s"] for row in results["installed"]}
    for explainer in {row["explainer"]: None for row in results["turns"]}:
        rows = {row["contender"]: row for row in results["turns"] if row["explainer"] == explainer}
        fast = [(rows[name], least) for name, least in _LEAST.items() if name in rows]
        found = [
            (row, "times mindspore_xai's speed with the variable", _times(row), least)
            for row, least in fast
        ]
        for name, own in OPPONENTS.items():
            if name in rows:
                ratio = rows[name]["fastxai_times"]["median"]
                found.append((rows[own], f"times the speed of {name}", ratio, 1.0))
        if explainer in slow:
            for row, _ in fast:
                ratio = row["images"] / row["seconds"]["median"] / slow[explainer]
                found.append((row, "times mindspore_xai as installed, extrapolated", ratio, 300.0))
        for row, what, value, least in found:
            text = f"{explainer}, {row['title']}: {what}"
            targets.append(record.target(text, value, least, at_least=True))
    return targets


def _times(row: dict[str, Any]) -> float:
    return row["times_peer"]["median"]


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the chosen explainers."""
    if options.peer_python is None:
        raise SystemExit("libraries: --peer-python is needed")
    results: dict[str, Any] = {"turns": [], "installed": []}
    checks: list[str] = []
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="fastxai-peers-") as name:
        folder = Path(name)
        processes.ask_worker(NETWORK_WRITER, {"folder": folder, "network": "resnet50"}, INSTALLED)
        for explainer in options.explainers:
            print(f"{explainer}, in turns:", flush=True)
            rows, found = measure_explainer(explainer, options, folder, versions)
            results["turns"] += rows
            checks += found
    results["installed"] = rates_installed(
        "peer", "pynative", options.explainers, options.slow_batch, options.peer_python
    )
    about = {"versions": record.versions() | {name: versions[name] for name in sorted(versions)}}
    targets = make_targets(results)
    settings = {"default_masks": DEFAULT_MASKS}
    return record.Outcome(results, checks, targets, settings, about)


if __name__ == "__main__":
    record.main("libraries", __doc__, OPTIONS, measure)
