"""Files that are written, and the lines that are printed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastxai.cli._errors import WRONG_ARGUMENT, CliError

if TYPE_CHECKING:
    from PIL import Image

_LABEL_WIDTH = 11  # 'probability'
_PANEL_WIDTH = 224  # pixels, at least: smaller pictures are enlarged


def add_picture(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the option that says where the picture goes."""
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help=f"picture to write: {what}"
    )


def check_picture(option: str, path: str) -> None:
    """Refuse a file that Pillow cannot write or that cannot be made."""
    from PIL import Image

    Image.init()
    suffix = Path(path).suffix.lower()
    if Image.registered_extensions().get(suffix) not in Image.SAVE:
        raise CliError(
            WRONG_ARGUMENT,
            f"{option}: must end in .png or another suffix that Pillow writes, got {path}",
        )
    check_file(option, path)


def check_file(option: str, path: str) -> None:
    """Refuse a file that cannot be made."""
    folder = Path(path).absolute().parent
    if not folder.is_dir():
        raise CliError(WRONG_ARGUMENT, f"{option}: there is no folder {folder}")
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise CliError(WRONG_ARGUMENT, f"{option}: cannot write {path}")


def write_sheet(path: str, panels: Sequence[tuple[str, Image.Image]]) -> None:
    """Write titled pictures of one size side by side, small ones enlarged.

    Raises:
        OSError: The file cannot be written.
    """
    from fastxai.visual.cv.sheet import side_by_side

    scale = -(-_PANEL_WIDTH // panels[0][1].width)
    side_by_side(panels, scale).save(path)


def report(quiet: bool, rows: Sequence[tuple[str, str]]) -> None:
    """Print labels and texts in two columns."""
    if quiet:
        return
    width = max(_LABEL_WIDTH, *(len(label) for label, _ in rows)) + 2
    for label, text in rows:
        print(f"{label:<{width}}{text}")
