"""RISE and Occlusion of an ONNX file of ResNet50 at 224x224, by fastxai and by other libraries.

PyTorch exports the file, for batches of any size; its weights are random, which changes no time.
fastxai loads it by OpenVINO and by ONNX Runtime; after each of its batches the engine alone scores
a batch that is there already. openvino_xai and DIANNA explain the file with RISE, Xplique the same
network in PyTorch, and Captum with Occlusion, as it has no RISE. All are in processes of their own
that take turns. Who is not named by an option does not take part.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import processes, record
from bench.common.machine import INSTALLED
from bench.peers import libraries
from bench.peers.libraries import Entry

MOST = 1.03  # times the engine's bare passes
_OPENVINO, _ONNXRUNTIME = "fastxai openvino", "fastxai onnxruntime"
# Others, and who of fastxai's they are held against: DIANNA has ONNX Runtime inside.
OPPONENTS = {
    "openvino_xai": _OPENVINO,
    "dianna": _ONNXRUNTIME,
    "xplique": _OPENVINO,
    "captum": _OPENVINO,
}
OPTIONS = {
    "torch_python": record.Option(None, "Python with torch, onnx and captum; needed"),
    "openvino_xai_python": record.Option(None, "Python with openvino_xai"),
    "dianna_python": record.Option(None, "Python with dianna"),
    "xplique_python": record.Option(None, "Python with xplique, tensorflow and torch"),
    "explainers": record.Option(list(libraries.EXPLAINERS), choices=libraries.EXPLAINERS),
    "masks": record.Option(384),
    "window": record.Option(14, "pixels; divides 224"),
    "batch": record.Option(32, "images at a time"),
    "repeats": record.Option(3),
    "add": record.Option(False, "keep the results of explainers that are not named"),
}


def entries(options: argparse.Namespace) -> dict[str, Entry]:
    """Everyone, by name."""
    ours = {
        f"fastxai {engine}": Entry(
            f"fastxai.load: {title}",
            sys.executable,
            "bench.peers.contender_file",
            {"engine": engine},
            INSTALLED,
        )
        for engine, title in (("openvino", "OpenVINO"), ("onnxruntime", "ONNX Runtime"))
    }
    every = libraries.entries(argparse.Namespace(**vars(options), peer_python=None))
    rise: Any = (INSTALLED, "float32", ("rise",))
    return ours | {
        "openvino_xai": every["openvino_xai"],
        "dianna": Entry("DIANNA", options.dianna_python, "bench.peers.contender_dianna", {}, *rise),
        "xplique": Entry(
            "Xplique, over PyTorch",
            options.xplique_python,
            "bench.peers.contender_xplique",
            {},
            *rise,
        ),
        "captum": every["captum"]._replace(title="Captum, over PyTorch"),
    }


def measure_explainer(
    explainer: str, options: argparse.Namespace, folder: Path, versions: dict[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of everyone who can make this map, in turns, and what was checked."""
    turns = libraries.run_turns(entries(options), explainer, options, folder, versions)
    maps = {name: np.load(libraries.map_of(folder, explainer, name)) for name in turns.entries}
    checks = [f"{explainer}: scores of the picture agree with MindSpore's"]
    checks += map_checks(explainer, maps)
    return libraries.rows_of(turns, explainer, options, OPPONENTS), checks


def map_checks(explainer: str, maps: dict[str, np.ndarray]) -> list[str]:
    """Whether the maps are of one class of one network.

    RISE's masks differ between libraries: means of maps are compared, which others divide by the
    keep probability 0.5. openvino_xai scales its map. Captum's value of a window is the drop.

    Raises:
        AssertionError: A map is another.
    """
    ours, checks = maps[_OPENVINO].astype(np.float64), []
    size = np.abs(ours - (ours.mean() if explainer == "rise" else 0.0)).max()
    for name, saliency in maps.items():
        if name in (_ONNXRUNTIME, "captum"):
            same = np.abs(saliency) / 2 if name == "captum" else saliency
            error = float(np.abs(same - ours).max() / size)
            assert error <= 1e-2, f"{name}: its map is off by {error:.1e}"
            checks.append(f"{explainer}: {name}'s map within {error:.1e} of that by OpenVINO")
        elif name in ("dianna", "xplique"):
            error = abs(float(saliency.mean() / 2 / ours.mean()) - 1.0)
            assert error <= 0.1, f"{name}: the mean of its map is off by {error:.1%}"
            checks.append(f"{explainer}: mean of {name}'s map within {error:.1%} of fastxai's")
    return checks


def make_targets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Near the bare engine, and ahead of every other library."""
    targets = []
    for row in rows:
        text = f"{row['explainer']}, {row['title']}"
        if row["over_bare"]:
            what = f"{text}: time over the engine's bare passes"
            targets.append(record.target(what, row["over_bare"]["median"], MOST, at_least=False))
        else:
            what = f"{text}: times fastxai's time"
            targets.append(record.target(what, row["fastxai_times"]["median"], 1.0, at_least=True))
    return targets


def measure(options: argparse.Namespace) -> record.Outcome:
    """Measures the chosen explainers."""
    options.engine_batch = options.batch  # what `libraries.start` gives to engines
    if options.torch_python is None:
        raise SystemExit("files: --torch-python is needed, which writes the file")
    rows: list[dict[str, Any]] = []
    checks: list[str] = []
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="fastxai-files-") as name:
        folder = Path(name)
        asked = {"folder": folder}
        given = {**asked, "network": "resnet50"}
        processes.ask_worker(libraries.NETWORK_WRITER, given, INSTALLED)
        processes.ask_worker(
            "bench.peers.file_writer", asked, INSTALLED, python=options.torch_python
        )
        for explainer in options.explainers:
            print(f"{explainer}, in turns:", flush=True)
            found, checked = measure_explainer(explainer, options, folder, versions)
            rows += found
            checks += checked
    about = {"versions": record.versions() | {name: versions[name] for name in sorted(versions)}}
    found = record.Outcome(rows, checks, make_targets(rows), about=about)
    return _joined(options, found) if options.add else found


def _joined(options: argparse.Namespace, found: record.Outcome) -> record.Outcome:
    """A result with the rows and checks of an earlier one of other explainers."""
    before = json.loads((options.results / "files.json").read_text())
    kept = [row for row in before["results"] if row["explainer"] not in options.explainers]
    names = tuple(f"{row['explainer']}: " for row in kept)
    checks = [text for text in before["checks"] if text.startswith(names)]
    rows = [*kept, *found.results]
    versions = before["versions"] | found.about["versions"]
    return found._replace(
        results=rows,
        checks=[*checks, *found.checks],
        targets=make_targets(rows),
        settings={"explainers": list(dict.fromkeys(row["explainer"] for row in rows))},
        about={"versions": versions},
    )


if __name__ == "__main__":
    record.main("files", __doc__, OPTIONS, measure)
