"""``fastxai explain``: from a picture file and a network to a saliency map."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli import _engine, _explainers, _output, _subject
from fastxai.cli._errors import WRONG_ARGUMENT, CliError, first_line

if TYPE_CHECKING:
    from PIL import Image

_EXAMPLES = """\
examples:
  fastxai explain cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o seen.png
  fastxai explain cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o seen.png \\
      --explainer gradcam --layer layer4 --target "tabby cat" --class-names names.txt"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``explain`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain",
        help="show where a network sees a class in a picture",
        description="Explain one class of one picture: write the saliency map over the picture.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    _subject.add_arguments(parser)
    parser.add_argument(
        "--explainer",
        type=_explainers.explainer_name,
        default="rise",
        metavar="NAME",
        help=f"method: {', '.join(_explainers.NAMES)} (default: rise)",
    )
    _explainers.add_arguments(parser)
    _output.add_picture(parser, "map over IMAGE")
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        default=None,
        help="rise, riseplus: put the map's error bar beside it: two standard errors against the "
        "range of the map",
    )
    parser.add_argument(
        "--state",
        metavar="FILE",
        help="rise, riseplus, occlusion: file that keeps what the run has, every few seconds; the "
        "same command goes on where it ended",
    )
    parser.add_argument(
        "--npy", metavar="FILE", help="write the map too, as a float32 array (H, W)"
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain the picture, write the files, print what was done."""
    explainer = arguments.explainer
    _explainers.check_options(arguments, "--explainer", (explainer,))
    _output.check_picture("--output", arguments.output)
    if arguments.npy is not None:
        _output.check_file("--npy", arguments.npy)
    subject = _subject.load(arguments)
    made = _explainers.make(explainer, arguments, subject)
    outcome = _explainers.explain(explainer, made, arguments, subject)
    written = _write(arguments, outcome, subject.picture)
    rows = [*subject.rows, (explainer, outcome.speed), *_engine.rows(made)]
    if outcome.correlation is not None:
        text = f"{outcome.correlation:.4f} with the map of infinitely many masks (predicted)"
        rows.append(("correlation", text))
    rows += [("written", path) for path in written]
    _output.report(arguments.quiet, rows)
    return 0


def _write(
    arguments: argparse.Namespace, outcome: _explainers.Outcome, picture: Image.Image
) -> list[str]:
    from fastxai.visual.cv import saliency_to_image, uncertainty_to_image

    saliency = outcome.saliency
    try:
        painted = saliency_to_image(saliency, picture)
        if arguments.uncertainty:
            errors = uncertainty_to_image(outcome.standard_error, saliency, picture)
            panels = [(arguments.explainer, painted), ("error: 2 standard errors", errors)]
            _output.write_sheet(arguments.output, panels)
        else:
            painted.save(arguments.output)
        if arguments.npy is None:
            return [arguments.output]
        with open(arguments.npy, "wb") as file:  # np.save would add a suffix to a bare name
            np.save(file, saliency)
    except OSError as error:
        raise CliError(WRONG_ARGUMENT, f"cannot write: {first_line(error)}") from error
    return [arguments.output, arguments.npy]
