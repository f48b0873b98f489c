"""``fastxai explain``: from a picture file and a network to a saliency map."""

from __future__ import annotations

import argparse
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.cli import explainers
from fastxai.cli.arguments.engine import engine_of, engine_rows
from fastxai.cli.report.html import add_report, check_report, report_files, with_curves
from fastxai.cli.report.output import add_output, as_json, check_outputs, encoded, finish, sheet
from fastxai.cli.report.overlay import Canvas
from fastxai.cli.report.summary import Entry, as_dict, class_rows, empty_maps, written_rows
from fastxai.cli.subject.subject import add_subject, load_subject

if TYPE_CHECKING:
    from fastxai.cli.subject.subject import Subject

_EXAMPLES = """\
examples:
  fastxai explain cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o seen.png
  fastxai explain cat.jpg --model my_nets:resnet50 --ckpt resnet50.ckpt -o seen.png \\
      --explainer gradcam --layer layer4 --target "tabby cat" --class-names names.txt
  fastxai explain cat.jpg --model nets/resnet.py:resnet50 --ckpt resnet50.ckpt -o two.png \\
      --resize 256 --crop 224 --target 281 --target 282 --json -"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``explain`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explain",
        help="show where a network sees a class in a picture",
        description="Explain classes of one picture: write the saliency map over the picture.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add_subject(parser)
    parser.add_argument(
        "--explainer",
        type=explainers.explainer_name,
        default="rise",
        metavar="NAME",
        help=f"method: {', '.join(explainers.NAMES)} (default: rise)",
    )
    explainers.add_arguments(parser)
    add_output(parser, "map over IMAGE, or several side by side")
    add_report(parser)
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
        "--npy",
        metavar="FILE",
        help="write the map too, as a float32 array (H, W); several classes: (classes, H, W)",
    )
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Explain the picture, write the files, print what was done."""
    explainer = arguments.explainer
    explainers.check_options(arguments, "--explainer", (explainer,))
    check_outputs(arguments)
    check_report(arguments)
    subject = load_subject(arguments)
    made = explainers.make(explainer, arguments, subject)
    outcome = explainers.explain(explainer, made, arguments, subject)
    choice = engine_of(made)
    outcome = with_curves(arguments, subject, outcome, choice)
    rows = [*class_rows(arguments, subject), (explainer, str(outcome.work))]
    rows += engine_rows(choice)
    if outcome.correlation is not None:
        text = ", ".join(f"{rho:.4f}" for rho in outcome.correlation)
        rows.append(("correlation", f"{text} with the map of infinitely many masks (predicted)"))
    if empty := empty_maps(outcome, subject.classes):
        rows.append(("map", empty))
    rows += written_rows(arguments)
    entry = Entry(explainer, outcome, choice)
    report = as_dict(arguments, subject, [entry])
    files = [("--output", arguments.output, _picture(arguments, outcome, subject))]
    if arguments.npy is not None:
        files.append(("--npy", arguments.npy, _array(outcome.saliency)))
    files += report_files(arguments, subject, [entry], rows, report)
    finish(arguments, files, rows, as_json(report))
    return 0


def _picture(arguments: argparse.Namespace, outcome: explainers.Outcome, subject: Subject) -> bytes:
    """The map over the picture, or a sheet of several."""
    from fastxai.visual.cv import saliency_to_image, uncertainty_to_image

    several = len(subject.classes) > 1
    is_sheet = several or arguments.uncertainty is not None
    canvas = Canvas(subject.picture, arguments.overlay_size, is_sheet)
    panels = []
    for place, (each, saliency) in enumerate(zip(subject.classes, outcome.saliency, strict=True)):
        colors = saliency_to_image(
            saliency, with_alpha=True, clip_percentile=arguments.clip_percentile
        )
        title = f"class {each.title}" if several else arguments.explainer
        panels.append((title, canvas.paint(colors)))
        if arguments.uncertainty and outcome.standard_error is not None:
            error = outcome.standard_error[place]
            colors = uncertainty_to_image(error, saliency, with_alpha=True)
            panels.append(("error: 2 standard errors", canvas.paint(colors)))
    painted = sheet(panels) if is_sheet else panels[0][1]
    return encoded(arguments.output, painted)


def _array(saliency: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, saliency if len(saliency) > 1 else saliency[0])
    return content.getvalue()
