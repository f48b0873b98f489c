"""``fastxai demo``: one picture of two digits, explained for both of them."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli.arguments import converters
from fastxai.cli.arguments.engine import engine_of, engine_rows
from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line
from fastxai.cli.report.output import check_outputs, encoded, finish, sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mindspore import nn
    from PIL import Image

_DIGITS, _PHOTOGRAPH = "3_and_8", "coffee"
_EXAMPLES = """\
examples:
  fastxai demo
  fastxai demo --imagenet --picture rocket -o rocket.png
  fastxai demo --files .    # its pictures and checkpoint, to try the other commands on:
  fastxai explain 3_and_8.png --model fastxai.demo:DemoNet --ckpt demo_net.ckpt \\
      --target eight --size 96 --mean 0.5 --std 0.25 -o eight.png"""


@dataclass(frozen=True)
class _Subject:
    """A picture, a network and two of its classes."""

    path: Path
    picture: Image.Image  # RGB, of the network's size
    inputs: np.ndarray  # [1, 3, H, W] float32
    network: nn.Cell
    model: str  # as `--model` names it
    classes: tuple[int, ...]
    names: Sequence[str]  # of all classes
    boxes: tuple[tuple[int, int, int, int], ...] | None  # where the classes are, if it is known
    weights: Path


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``demo`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo",
        help="explain a picture that comes with fastxai, in seconds",
        description=(
            "Explain a picture of two handwritten digits for both of them with RISE, and write "
            "the picture and the two maps side by side. Network and picture come with fastxai. "
            "With --imagenet: a photograph and two of ImageNet's classes."
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
        "--imagenet",
        action="store_true",
        help="a photograph and EfficientNet-Lite0, from packages that the extra 'imagenet' brings",
    )
    parser.add_argument(
        "--picture",
        metavar="NAME",
        help=f"which picture (default: {_DIGITS}, with --imagenet {_PHOTOGRAPH}); a wrong name "
        "lists them",
    )
    parser.add_argument(
        "--num-masks",
        type=converters.mask_count,
        default=1024,
        metavar="N",
        help="masks, at least 2 (default: 1024)",
    )
    parser.add_argument(
        "--seed", type=converters.seed, default=0, metavar="N", help="of them (default: 0)"
    )
    parser.add_argument(
        "--files",
        metavar="FOLDER",
        help="copy the demo's pictures and checkpoint there too, to try other commands on",
    )
    parser.add_argument(
        "--pictures",
        metavar="FOLDER",
        help="write 50 pictures, a list of them and the checkpoint there, to try fastxai batch on; "
        "nothing is explained",
    )
    parser.add_argument("--quiet", action="store_true", help="print errors only")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain, write the picture, print the figures."""
    if arguments.pictures is not None:
        return _write_pictures(arguments)
    if arguments.imagenet and arguments.files is not None:
        raise CliError(WRONG_ARGUMENT, "--files: not with --imagenet, whose files are no copies")
    subject = _photograph(arguments.picture) if arguments.imagenet else _digits(arguments.picture)
    # What the checks of the other commands' outputs look at.
    for name in ("ood_ckpt", "class_names", "npy", "json", "state"):
        setattr(arguments, name, None)
    arguments.image, arguments.ckpt = str(subject.path), str(subject.weights)
    arguments.model = subject.model
    check_outputs(arguments)
    files = [] if arguments.files is None else _files(arguments)
    rows, panels = _explain(subject, arguments)
    painted = encoded(arguments.output, sheet(panels))
    files.append(("--output", arguments.output, painted))
    rows += [("written", path) for _, path, _ in files]
    finish(arguments, files, rows, b"")
    return 0


def _write_pictures(arguments: argparse.Namespace) -> int:
    """Write a folder to try ``fastxai batch`` on; a file that is there must be the same."""
    from fastxai.demo import CHECKPOINT
    from fastxai.demo.folder import LIST, picture_folder
    from fastxai.system.atomic_file import replacing

    folder = Path(arguments.pictures)
    files = picture_folder() | {CHECKPOINT.name: CHECKPOINT.read_bytes()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            target = folder / name
            if target.exists() and target.read_bytes() != content:
                raise CliError(
                    WRONG_ARGUMENT, f"--pictures: {target} is another file; choose another folder"
                )
        for name, content in files.items():
            with replacing(folder / name) as file:
                file.write(content)
    except OSError as error:
        raise CliError(WRONG_ARGUMENT, f"--pictures: {first_line(error)}") from error
    if not arguments.quiet:
        print(f"{len(files) - 2} pictures, {LIST} and {CHECKPOINT.name} are in {folder}")
    return 0


def _digits(name: str | None) -> _Subject:
    from fastxai.demo import CHECKPOINT, CLASS_NAMES, demo_net, normalize, samples

    sample = _named(samples(), name, _DIGITS)
    picture = sample.picture
    return _Subject(
        sample.path,
        picture,
        normalize(picture)[None],
        demo_net(),
        "fastxai.demo:demo_net",
        sample.labels,
        CLASS_NAMES,
        sample.boxes,
        CHECKPOINT,
    )


def _photograph(name: str | None) -> _Subject:
    from fastxai.demo import imagenet

    photograph = _named(imagenet.PHOTOGRAPHS, name, _PHOTOGRAPH)
    try:
        picture = photograph.open()
        return _Subject(
            photograph.path,
            picture,
            imagenet.to_input(picture),
            imagenet.classifier(),
            "fastxai.demo.imagenet:classifier",
            photograph.classes,
            imagenet.class_names(),
            None,
            imagenet.weights(),
        )
    except (ImportError, OSError, ValueError) as error:
        raise CliError(UNREADABLE_INPUT, f"--imagenet: {error}") from error


def _named(known: dict[str, Any], name: str | None, default: str) -> Any:
    name = default if name is None else name
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


def _explain(subject: _Subject, arguments: argparse.Namespace) -> tuple[list, list]:
    """Rows of the report, and titled pictures."""
    import mindspore as ms
    from mindspore import nn

    from fastxai.explainer import RISE
    from fastxai.visual.cv import saliency_to_image

    images = ms.Tensor(subject.inputs)
    scores = nn.Softmax()(subject.network(images)).asnumpy()[0]
    rise = RISE(
        subject.network, nn.Softmax(), 64, num_masks=arguments.num_masks, seed=arguments.seed
    )
    start = time.perf_counter()
    maps = rise(images, [list(subject.classes)], show=False).asnumpy()[0]  # both from one run
    seconds = time.perf_counter() - start
    speed = f"{arguments.num_masks} masks in {seconds:.1f} s, both classes from the same masks"
    rows = [("picture", subject.path.name), ("rise", speed), *engine_rows(engine_of(rise))]
    panels = [(subject.path.name, subject.picture)]
    for number, (label, saliency) in enumerate(zip(subject.classes, maps, strict=True)):
        name, score = subject.names[label], scores[label]
        row = f"p = {score:.3f}"
        if subject.boxes is not None:
            own, other = subject.boxes[number], subject.boxes[1 - number]
            shares = _energy_share(saliency, own), _energy_share(saliency, other)
            row += (
                f"; energy of the map on this digit {shares[0]:.0%}, on the other {shares[1]:.0%}"
            )
        rows.append((name, row))
        title = f"RISE, class {name} (p = {score:.2f})"
        panels.append((title, saliency_to_image(saliency, subject.picture)))
    return rows, panels


def _energy_share(saliency: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Share of a map's energy above its mean, (H, W), that lies inside a box, in [0, 1]."""
    energy = np.maximum(saliency - saliency.mean(), 0.0)
    y0, x0, y1, x1 = box
    return float(energy[y0:y1, x0:x1].sum() / max(energy.sum(), 1e-30))
