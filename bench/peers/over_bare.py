"""What fastxai adds to an engine's forward passes: RISE and Occlusion of ResNet50 at 224x224.

After each batch of an explanation the engine that scored it scores a batch of masked images that is
there already. A ratio is the time of an explanation over that of its bare passes: masks, products,
sums and whatever a call costs once, such as the checksum of the weights. Setting up, once per
network, is not in it. OpenVINO in float32 and bfloat16, and ONNX Runtime, a process each.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.common import processes, record, timing
from bench.peers.explainers import INSTALLED
from bench.peers.libraries import TOLERANCE, Entry, entries, start
from bench.report.table import spread, table

MOST = 1.03
_TITLES = {"rise": "RISE", "occlusion": "Occlusion"}


def measure(
    name: str, entry: Entry, explainer: str, options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """A row of one engine, after its scores of the picture were compared with MindSpore's."""
    images = {"rise": options.masks, "occlusion": 1 + (224 // options.window) ** 2}[explainer]
    contender = start(name, entry, explainer, images, options, folder)
    try:
        expected = np.load(folder / "scores.npy")[0]
        difference = np.abs(np.array(contender.ask("ready")["scores"]) - expected).max()
        error = float(difference / np.abs(expected).max())
        assert error <= TOLERANCE[entry.precision], f"{name}: scores differ by {error:.1e}"
        answers = [contender.ask("run") for _ in range(options.repeats)]
    finally:
        contender.close()
    return {
        "explainer": explainer,
        "contender": name,
        "title": entry.title,
        "images": images,
        "seconds": timing.summary([answer["seconds"] for answer in answers]),
        "over_bare": timing.summary([answer["over_bare"] for answer in answers]),
    }


def rows_table(result: dict[str, Any]) -> str:
    """Seconds and ratios, by explainer and engine."""
    rows = [
        [
            f"{_TITLES[row['explainer']]}, {row['images']} images",
            row["title"],
            spread(row["seconds"]),
            spread(row["over_bare"], ".3f"),
        ]
        for row in result["results"]
    ]
    return table(["explanation", "by", "s", "over its bare passes"], rows)


def main() -> None:
    """Measures the engines that are installed beside MindSpore."""
    parser = record.parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--masks", type=int, default=1024)
    parser.add_argument("--window", type=int, default=7, help="pixels; divides 224")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    options.peer_python = options.torch_python = options.openvino_xai_python = None
    about = record.header()
    record.print_header(about)
    rows = []
    with tempfile.TemporaryDirectory(prefix="fastxai-over-bare-") as name:
        folder = Path(name)
        arguments = ["network", "--folder", str(folder)]
        processes.run_worker("bench.peers.libraries_mindspore", arguments, INSTALLED)
        for explainer in _TITLES:
            for who, entry in entries(options).items():
                if entry.python and "mindspore" not in who:  # those are bench.peers.explainers'
                    rows.append(measure(who, entry, explainer, options, folder))
                    ratio = rows[-1]["over_bare"]["median"]
                    print(f"{explainer}, {who}: {ratio:.3f}", flush=True)
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
    names = ("masks", "window", "batch", "repeats")
    settings = {name: getattr(options, name) for name in names}
    check = "scores of the picture agree with MindSpore's"
    record.write(options.results, "over_bare", about, settings, rows, [check], targets)


if __name__ == "__main__":
    main()
