"""Files that are written, and the lines that are printed."""

from __future__ import annotations

import argparse
import io
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastxai.cli.arguments import converters
from fastxai.cli.arguments.paths import STANDARD_OUTPUT, check_paths
from fastxai.cli.messages import WRONG_ARGUMENT, CliError, first_line
from fastxai.cli.report.overlay import NETWORK, PHOTOGRAPH, SHEET_SIDE
from fastxai.system.atomic_file import replacing
from fastxai.system.json_text import json_text

if TYPE_CHECKING:
    from PIL import Image

CLIP_PERCENTILE = 99.0
_LABEL_WIDTH = 11  # 'probability'
_PANEL_WIDTH = 224  # pixels, at least: smaller pictures are enlarged


def add_output(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the options that say where the picture and the report go, and how it is painted."""
    add = parser.add_argument
    add("-o", "--output", required=True, metavar="FILE", help=f"picture to write: {what}")
    add(
        "--overlay-size",
        choices=(PHOTOGRAPH, NETWORK),
        default=PHOTOGRAPH,
        help="paint over the photograph at its own size, or over what the network sees of it "
        f"(default: {PHOTOGRAPH})",
    )
    add(
        "--clip-percentile",
        type=converters.percentile,
        default=CLIP_PERCENTILE,
        metavar="P",
        help="percentile of a map that gets the brightest colour, in (0, 100]; 100 is the maximum "
        f"(default: {CLIP_PERCENTILE:g})",
    )
    add(
        "--json",
        metavar="FILE",
        help="write the report as JSON too; - prints it in place of the report",
    )


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse outputs that cannot be written or would replace an input or each other."""
    from PIL import Image

    Image.init()
    if _format(arguments.output) not in Image.SAVE:
        raise CliError(
            WRONG_ARGUMENT,
            f"--output: must end in .png or another suffix that Pillow writes, got "
            f"{arguments.output}",
        )
    encoded(arguments.output, Image.new("RGB", (32, 32)))  # what a format lacks shows at once
    check_paths(arguments)


def sheet(panels: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Put titled pictures of one size side by side, small ones enlarged."""
    from fastxai.visual.cv.sheet import side_by_side

    first = panels[0][1]
    wished, most = -(-_PANEL_WIDTH // first.width), SHEET_SIDE // max(first.size)
    return side_by_side(panels, max(1, min(wished, most)))


def encoded(path: str, picture: Image.Image) -> bytes:
    """Return a picture as the content of a file of this name."""
    content = io.BytesIO()
    try:
        picture.save(content, _format(path))
    except Exception as error:  # a format's own limits: Pillow raises what its writer meets
        raise CliError(
            WRONG_ARGUMENT, f"--output: cannot write {path}: {first_line(error)}"
        ) from error
    return content.getvalue()


def as_json(report: dict[str, Any]) -> bytes:
    """Return a report as the content of a file; numbers that JSON lacks become null."""
    text = json_text(report, indent=2, ensure_ascii=False)
    return (text + "\n").encode(errors="backslashreplace")  # file names that are not UTF-8


def finish(
    arguments: argparse.Namespace,
    files: Sequence[tuple[str, str, bytes]],
    rows: Sequence[tuple[str, str]],
    report: bytes,
) -> None:
    """Write the files, and the report where --json asks for it; print the report.

    Args:
        arguments: The parsed arguments.
        files: Options, paths and contents.
        rows: The report as labels and texts, printed in two columns.
        report: The report as JSON.
    """
    to_standard_output = arguments.json == STANDARD_OUTPUT
    if arguments.json is not None and not to_standard_output:
        files = [*files, ("--json", arguments.json, report)]
    _write(files)
    if to_standard_output:
        _print(report.decode())
    elif not arguments.quiet:
        width = max(_LABEL_WIDTH, *(len(label) for label, _ in rows)) + 2
        _print("".join(f"{label:<{width}}{text}\n" for label, text in rows))


def _print(text: str) -> None:
    """Print, with escapes for what the terminal's encoding lacks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # None where it is closed
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="")


def _write(files: Sequence[tuple[str, str, bytes]]) -> None:
    """Write all files or none.

    Args:
        files: Options, paths and contents.
    """
    current = files[0]
    try:
        with ExitStack() as drafts:
            for current in files:
                draft = drafts.enter_context(replacing(current[1]))
                draft.write(current[2])
                draft.flush()
                if stat.S_ISREG(os.fstat(draft.fileno()).st_mode):
                    os.fsync(draft.fileno())  # a full disk shows before any file is replaced
    except OSError as error:
        option, path, _ = next((file for file in files if file[1] == error.filename), current)
        reason = error.strerror or first_line(error)
        raise CliError(WRONG_ARGUMENT, f"{option}: cannot write {path}: {reason}") from error


def _format(path: str) -> str | None:
    from PIL import Image

    return Image.registered_extensions().get(Path(path).suffix.lower())
