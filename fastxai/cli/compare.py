"""``fastxai compare``: several explainers' maps of one picture, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fastxai.cli import explainers
from fastxai.cli.arguments.engine import engine_of, engine_rows
from fastxai.cli.messages import FAILED, CliError, MissingOptionError
from fastxai.cli.report.html import add_report, check_report, report_files, with_curves
from fastxai.cli.report.output import add_output, as_json, check_outputs, encoded, finish, sheet
from fastxai.cli.report.overlay import Canvas
from fastxai.cli.report.summary import Entry, as_dict, class_rows, empty_maps, written_rows
from fastxai.cli.subject.subject import add_subject, load_subject

if TYPE_CHECKING:
    from PIL import Image

    from fastxai.cli.subject.subject import Subject

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
        description="Explain classes of one picture with several explainers: write the picture "
        "and their maps side by side, each under its name.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_subject(parser)
    parser.add_argument(
        "--explainers",
        type=explainers.explainer_names,
        metavar="NAME,NAME,...",
        help=f"methods, of {', '.join(explainers.NAMES)} (default: all that can run; those that "
        "cannot are named)",
    )
    explainers.add_arguments(parser)
    add_output(parser, "IMAGE and the maps over it")
    add_report(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain the picture again and again, write the sheet, print what was done."""
    named = arguments.explainers
    if named:
        explainers.check_options(arguments, "--explainers", named)
    check_outputs(arguments)
    check_report(arguments)
    subject = load_subject(arguments)
    entries: dict[str, Entry] = {}
    made = _make(arguments, subject, entries)
    panels = _panels(arguments, subject, made, entries)
    ordered = [entries[name] for name in named or explainers.NAMES]
    rows = [*class_rows(arguments, subject)]
    rows += [(entry.name, _line(entry, subject)) for entry in ordered]
    rows += written_rows(arguments)
    report = as_dict(arguments, subject, ordered)
    picture = encoded(arguments.output, sheet(panels))
    files = [("--output", arguments.output, picture)]
    files += report_files(arguments, subject, ordered, rows, report)
    finish(arguments, files, rows, as_json(report))
    return 0


def _make(
    arguments: argparse.Namespace, subject: Subject, entries: dict[str, Entry]
) -> dict[str, Any]:
    """Make the explainers before any of them runs: a wrong option is found at once."""
    made = {}
    for name in arguments.explainers or explainers.NAMES:
        try:
            made[name] = explainers.make(name, arguments, subject)
        except MissingOptionError as error:
            if arguments.explainers:
                raise
            entries[name] = Entry(name, left_out=f"needs {error.need}")
    return made


def _panels(
    arguments: argparse.Namespace,
    subject: Subject,
    made: dict[str, Any],
    entries: dict[str, Entry],
) -> list[tuple[str, Image.Image]]:
    """Titles and pictures: the photograph, and the maps."""
    canvas = Canvas(subject.picture, arguments.overlay_size, sheet=True)
    word = "classes" if len(subject.classes) > 1 else "class"
    title = f"{word} {', '.join(each.title for each in subject.classes)}"
    panels, tried = [(title, canvas.below)], list(made)
    for name in tried:
        try:
            # Popped: what it compiled is not kept while the others run.
            explainer = made.pop(name)
            outcome = explainers.explain(name, explainer, arguments, subject)
            choice = engine_of(explainer)
            outcome = with_curves(arguments, subject, outcome, choice)
        except CliError as error:
            if arguments.explainers:
                raise CliError(error.code, f"{name}: {error}") from error.__cause__
            entries[name] = Entry(name, left_out=str(error))
            continue
        entries[name] = Entry(name, outcome, choice)
        title = f"{name}, {arguments.layer}" if name == "gradcam" and arguments.layer else name
        panels += _maps(title, outcome, arguments, subject, canvas)
    if len(panels) == 1:
        reason = entries[tried[0]].left_out
        raise CliError(FAILED, f"no explainer can run; {tried[0]} left out: {reason}")
    return panels


def _maps(
    title: str,
    outcome: explainers.Outcome,
    arguments: argparse.Namespace,
    subject: Subject,
    canvas: Canvas,
) -> Iterator[tuple[str, Image.Image]]:
    from fastxai.visual.cv import saliency_to_image

    for each, saliency in zip(subject.classes, outcome.saliency, strict=True):
        colors = saliency_to_image(
            saliency, with_alpha=True, clip_percentile=arguments.clip_percentile
        )
        full = f"{title}: {each.title}" if len(subject.classes) > 1 else title
        yield full, canvas.paint(colors)


def _line(entry: Entry, subject: Subject) -> str:
    """The report's line about an explainer."""
    if entry.outcome is None:
        return f"left out: {entry.left_out}"
    text = str(entry.outcome.work)
    for _, engine in engine_rows(entry.engine):
        text += f", by {engine.split(' (')[0]}"
    empty = empty_maps(entry.outcome, subject.classes)
    return f"{text}; the map is {empty}" if empty else text
