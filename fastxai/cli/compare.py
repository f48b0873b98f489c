"""``fastxai compare``: several explainers' maps of one picture, side by side."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from fastxai.cli import _engine, _explainers, _output, _subject
from fastxai.cli._errors import FAILED, WRONG_ARGUMENT, CliError, MissingOptionError, first_line

if TYPE_CHECKING:
    from PIL import Image

    from fastxai.cli._subject import Subject

_EXAMPLES = """\
examples:
  fastxai compare cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o all.png \\
      --layer layer4 --num-masks 1000
  fastxai compare cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o two.png \\
      --explainers occlusion,guided-backprop --mode graph"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``compare`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "compare",
        help="put the maps of several explainers side by side",
        description="Explain one class of one picture with several explainers: write the picture "
        "and their maps side by side, each under its name.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    _subject.add_arguments(parser)
    parser.add_argument(
        "--explainers",
        type=_explainers.explainer_names,
        metavar="NAME,NAME,...",
        help=f"methods, of {', '.join(_explainers.NAMES)} (default: all that can run; those that "
        "cannot are named)",
    )
    _explainers.add_arguments(parser)
    _output.add_picture(parser, "IMAGE and the maps over it")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain the picture again and again, write the sheet, print what was done."""
    named = arguments.explainers
    if named:
        _explainers.check_options(arguments, "--explainers", named)
    _output.check_picture("--output", arguments.output)
    subject = _subject.load(arguments)
    rows: dict[str, str] = {}  # what the report says of each explainer
    explainers = _make(arguments, subject, rows)
    panels = _panels(arguments, subject, explainers, rows)
    _write(arguments.output, [(f"class {subject.class_name}", subject.picture), *panels])
    lines = [(name, rows[name]) for name in named or _explainers.NAMES]
    _output.report(arguments.quiet, [*subject.rows, *lines, ("written", arguments.output)])
    return 0


def _make(arguments: argparse.Namespace, subject: Subject, rows: dict[str, str]) -> dict[str, Any]:
    """Make the explainers before any of them runs: a wrong option is found at once."""
    made = {}
    for name in arguments.explainers or _explainers.NAMES:
        try:
            made[name] = _explainers.make(name, arguments, subject)
        except MissingOptionError as error:
            if arguments.explainers:
                raise
            rows[name] = f"left out: needs {error.need}"
    return made


def _panels(
    arguments: argparse.Namespace,
    subject: Subject,
    explainers: dict[str, Any],
    rows: dict[str, str],
) -> list[tuple[str, Image.Image]]:
    """Titles and pictures of the maps."""
    from fastxai.visual.cv import saliency_to_image

    panels, tried = [], list(explainers)
    for name in tried:
        try:
            # Popped: what it compiled is not kept while the others run.
            explainer = explainers.pop(name)
            outcome = _explainers.explain(name, explainer, arguments, subject)
        except CliError as error:
            if arguments.explainers:
                raise CliError(error.code, f"{name}: {error}") from error.__cause__
            rows[name] = f"left out: {error}"
            continue
        rows[name] = outcome.speed
        for _, engine in _engine.rows(explainer):
            rows[name] += f", by {engine.split(' (')[0]}"
        title = f"{name}, {arguments.layer}" if name == "gradcam" and arguments.layer else name
        panels.append((title, saliency_to_image(outcome.saliency, subject.picture)))
    if not panels:
        raise CliError(FAILED, f"no explainer can run; {tried[0]} {rows[tried[0]]}")
    return panels


def _write(path: str, panels: list[tuple[str, Image.Image]]) -> None:
    try:
        _output.write_sheet(path, panels)
    except OSError as error:
        raise CliError(WRONG_ARGUMENT, f"cannot write: {first_line(error)}") from error
