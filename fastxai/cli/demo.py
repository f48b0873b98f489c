"""``fastxai demo``: one picture of two digits, explained for both of them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli import _engine, _options, _output
from fastxai.cli._errors import WRONG_ARGUMENT, CliError, first_line

if TYPE_CHECKING:
    from fastxai.demo import Sample

_PICTURE = "3_and_8"
_EXAMPLES = """\
examples:
  fastxai demo
  fastxai demo --files .    # its pictures and checkpoint, to try the other commands on:
  fastxai explain 3_and_8.png --model fastxai.demo:DemoNet --ckpt demo_net.ckpt \\
      --target eight --size 96 --mean 0.5 --std 0.25 -o eight.png"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``demo`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="explain a picture that comes with fastxai, in seconds",
        description=(
            "Explain a picture of two handwritten digits for both of them with RISE, and write "
            "the picture and the two maps side by side. Network and picture come with fastxai."
        ),
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "-o",
        "--output",
        default="demo.png",
        metavar="FILE",
        help="picture to write (default: demo.png)",
    )
    parser.add_argument(
        "--picture",
        default=_PICTURE,
        metavar="NAME",
        help=f"which picture (default: {_PICTURE}); a wrong name lists them",
    )
    parser.add_argument(
        "--num-masks",
        type=_options.at_least_two,
        default=1024,
        metavar="N",
        help="masks, at least 2 (default: 1024)",
    )
    parser.add_argument(
        "--seed", type=_options.seed, default=0, metavar="N", help="of them (default: 0)"
    )
    parser.add_argument(
        "--files",
        metavar="FOLDER",
        help="copy the demo's pictures and checkpoint there too, to try other commands on",
    )
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain, write the picture, print the figures."""
    from fastxai.demo import CHECKPOINT

    sample = _sample(arguments.picture)
    # What the checks of the other commands' outputs look at.
    for name in ("ood_ckpt", "class_names", "npy", "json", "state"):
        setattr(arguments, name, None)
    arguments.image, arguments.ckpt = str(sample.path), str(CHECKPOINT)
    arguments.model = "fastxai.demo:demo_net"
    _output.check(arguments)
    files = [] if arguments.files is None else _files(arguments)
    rows, panels = _explain(sample, arguments)
    painted = _output.encoded(arguments.output, _output.sheet(panels))
    files.append(("--output", arguments.output, painted))
    rows += [("written", path) for _, path, _ in files]
    _output.finish(arguments, files, rows, b"")
    return 0


def _sample(name: str) -> Sample:
    from fastxai.demo import samples

    known = samples()
    found = known.get(name.removesuffix(".png"))
    if found is None:
        raise CliError(WRONG_ARGUMENT, f"--picture: must be one of {', '.join(known)}, got {name}")
    return found


def _files(arguments: argparse.Namespace) -> list[tuple[str, str, bytes]]:
    """Pictures and checkpoint to write into --files; one that is there must be the same."""
    from fastxai.demo import CHECKPOINT, samples

    folder, found = Path(arguments.files), []
    try:
        for source in (CHECKPOINT, *(sample.path for sample in samples().values())):
            target, content = folder / source.name, source.read_bytes()
            if target.resolve() == Path(arguments.output).resolve():
                raise CliError(
                    WRONG_ARGUMENT, f"--output: {target} is where --files puts a picture"
                )
            if target.exists() and target.read_bytes() != content:
                raise CliError(
                    WRONG_ARGUMENT, f"--files: {target} is another file; choose another folder"
                )
            found.append(("--files", str(target), content))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(WRONG_ARGUMENT, f"--files: {first_line(error)}") from error
    return found


def _explain(sample: Sample, arguments: argparse.Namespace) -> tuple[list, list]:
    """Rows of the report, and titled pictures."""
    import mindspore as ms
    from mindspore import nn

    from fastxai.demo import CLASS_NAMES, demo_net, normalize
    from fastxai.explainer import RISE
    from fastxai.visual.cv import saliency_to_image

    network, picture = demo_net(), sample.picture
    images = ms.Tensor(normalize(picture)[None])
    scores = nn.Softmax()(network(images)).asnumpy()[0]
    rise = RISE(network, nn.Softmax(), 64, num_masks=arguments.num_masks, seed=arguments.seed)
    start = time.perf_counter()
    maps = rise(images, [list(sample.labels)], show=False).asnumpy()[0]  # both from one run
    seconds = time.perf_counter() - start
    speed = f"{arguments.num_masks} masks in {seconds:.1f} s, both digits from the same masks"
    rows = [("picture", sample.path.name), ("rise", speed), *_engine.rows(rise)]
    panels = [(sample.path.name, picture)]
    for label, saliency, own, other in zip(
        sample.labels, maps, sample.boxes, sample.boxes[::-1], strict=True
    ):
        name, score = CLASS_NAMES[label], scores[label]
        shares = _energy_share(saliency, own), _energy_share(saliency, other)
        rows.append(
            (
                name,
                f"p = {score:.3f}; energy of the map on this digit {shares[0]:.0%}, on the other "
                f"{shares[1]:.0%}",
            )
        )
        title = f"RISE, class {name} (p = {score:.2f})"
        panels.append((title, saliency_to_image(saliency, picture)))
    return rows, panels


def _energy_share(saliency: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Share of a map's energy above its mean, (H, W), that lies inside a box, in [0, 1]."""
    energy = np.maximum(saliency - saliency.mean(), 0.0)
    y0, x0, y1, x1 = box
    return float(energy[y0:y1, x0:x1].sum() / max(energy.sum(), 1e-30))
