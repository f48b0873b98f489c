"""HTML page of a command's results."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastxai.cli.messages import WRONG_ARGUMENT, CliError

if TYPE_CHECKING:
    import numpy as np

    from fastxai.cli.explainers import Outcome
    from fastxai.cli.report.summary import Entry
    from fastxai.cli.subject.subject import Subject
    from fastxai.report.model import ReportMap


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the page."""
    parser.add_argument(
        "--report",
        type=html_name,
        metavar="FILE",
        help="write a page too (.html) with the photograph and the maps over it, whose values can "
        "be read; it needs no network",
    )
    parser.add_argument(
        "--curves",
        action="store_true",
        help="add deletion and insertion curves of every map: the score while the most salient "
        "pixels are covered, and while they alone are shown",
    )


def with_curves(
    arguments: argparse.Namespace, subject: Subject, outcome: Outcome, choice: Any
) -> Outcome:
    """Add the curves where they are asked for.

    Args:
        arguments: The parsed arguments.
        subject: What was explained.
        outcome: What an explainer found.
        choice: What scored its masks; None where nothing was scored.
    """
    from fastxai.cli.subject.network import scorer
    from fastxai.ops.base_value import base_of
    from fastxai.perturbation.ranked_pixels import Curves, curves_of

    if not arguments.curves:
        return outcome
    image = subject.inputs[0]
    value = 0.0 if arguments.base_value is None else arguments.base_value
    base = base_of("curves", value, image.shape).of(image)
    known = subject.network, subject.activation, subject.output or ()
    scores = scorer(*known, choice, subject.score)

    def curves(target: int, saliency: np.ndarray) -> Curves:
        return curves_of(image, saliency, base, lambda batch: scores(batch)[:, target])

    pairs = zip(subject.classes, outcome.saliency, strict=True)
    found = [curves(each.index, saliency) for each, saliency in pairs]
    return dataclasses.replace(outcome, curves=found)


def check_report(arguments: argparse.Namespace) -> None:
    """Refuse --report before anything runs where the page cannot be made."""
    from fastxai.report.page import check_installed

    if arguments.report is None:
        if arguments.curves and getattr(arguments, "json", ...) is None:
            raise CliError(WRONG_ARGUMENT, "--curves: only with --report or --json")
        return
    try:
        check_installed()
    except ImportError as error:
        raise CliError(WRONG_ARGUMENT, f"--report: {error}") from error


def report_files(
    arguments: argparse.Namespace,
    subject: Subject,
    entries: Sequence[Entry],
    rows: Sequence[tuple[str, str]],
    report: dict[str, Any],
) -> list[tuple[str, str, bytes]]:
    """The page as a file to write; none where it was not asked for.

    Args:
        arguments: The parsed arguments.
        subject: What was explained.
        entries: What each explainer found.
        rows: Labels and texts of the printed report.
        report: The report for programs, which the page offers as the settings of every map.
    """
    from fastxai.report.model import Report, ReportEntry
    from fastxai.report.page import render

    if arguments.report is None:
        return []
    picture = subject.picture
    maps = [each for entry in entries for each in _maps(entry, subject, report)]
    shown = ReportEntry(arguments.image, picture.photograph, picture.box, maps)
    summary = [
        ("picture", arguments.image),
        ("network", arguments.model),
        ("checkpoint", arguments.ckpt or "none"),
        *(row for row in rows if row[0] != "written"),
        *(("note", text) for text in arguments.notes),
    ]
    page = render(Report(f"Maps of {os.path.basename(arguments.image)}", summary, [shown]))
    return [("--report", arguments.report, page)]


def _maps(entry: Entry, subject: Subject, report: dict[str, Any]) -> Iterator[ReportMap]:
    from fastxai.report.model import ReportMap

    outcome = entry.outcome
    if outcome is None:
        return
    error, rho = outcome.standard_error, outcome.correlation
    for place, each in enumerate(subject.classes):
        yield ReportMap(
            entry.name,
            each.index,
            outcome.saliency[place],
            each.name,
            each.score,
            None if error is None else error[place],
            None if rho is None else float(rho[place]),
            report,
            {} if outcome.curves is None else outcome.curves[place].values,
        )


def html_name(text: str) -> str:
    """Read the name of a page."""
    if not text.lower().endswith((".html", ".htm")):
        raise argparse.ArgumentTypeError(f"must end in .html, got {text}")
    return text
