"""``fastxai report``: a directory of explanations as a page to hand over."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line
from fastxai.cli.report.html import html_name
from fastxai.cli.report.progress import Progress

if TYPE_CHECKING:
    from fastxai.report.model import ReportEntry

_EXAMPLES = """\
examples:
  fastxai batch pictures/ --model my_nets:resnet50 --ckpt resnet50.ckpt -o maps/
  fastxai report maps/ -o report.html"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``report`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="write what batch has explained as a page of HTML",
        description="Write a page with a gallery of the pictures that fastxai batch has explained, "
        "and a view of each. It needs no network. Where the pictures are many, their maps lie in a "
        "folder beside the page.",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="directory that fastxai batch has written")
    add("-o", "--output", required=True, type=html_name, metavar="FILE", help="page to write")
    add("--title", help="heading of the page (default: FOLDER)")
    add("--quiet", action="store_true", help="print errors only")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Read the rows, write the page, print what was written."""
    flag, page = "--output", arguments.output
    write_page(flag, page, arguments.folder, title=arguments.title, quiet=arguments.quiet)
    return 0


def write_page(
    flag: str, page: str, folder: str, *, title: str | None = None, quiet: bool = False
) -> None:
    """Write a page of a directory of explanations, and print what was written.

    Args:
        flag: The option that names the page.
        page: The page.
        folder: The directory.
        title: Its heading; None takes the directory's name.
        quiet: Print nothing.
    """
    from fastxai.report.page import check_installed

    try:
        check_installed()
        number, beside = _write(flag, page, folder, title, quiet)
    except ImportError as error:
        raise CliError(WRONG_ARGUMENT, first_line(error)) from error
    except ValueError as error:
        words = first_line(error).partition(": ")[2] or first_line(error)
        raise CliError(UNREADABLE_INPUT, f"FOLDER: {words}") from error
    except OSError as error:
        place = error.filename or page
        raise CliError(WRONG_ARGUMENT, f"{flag}: cannot write {place}: {error.strerror}") from error
    if not quiet:
        print(f"{number} pictures in {page}")
        if beside:
            from fastxai.report.files import folder_of

            print(f"{beside} files in {folder_of(page)}; keep them beside the page")


def _write(flag: str, page: str, folder: str, title: str | None, quiet: bool) -> tuple[int, int]:
    """Numbers of pictures and of files beside the page."""
    from fastxai.dataset import open as open_explanations
    from fastxai.dataset.pages import entries_of, summary_of
    from fastxai.report.files import folder_of, write_report

    found = open_explanations(folder)
    rows = found.rows()
    inputs = {str(row["path"]) for row in rows if row["path"] is not None}
    if any(_is_same(page, path) for path in inputs):
        raise CliError(WRONG_ARGUMENT, f"{flag}: {page} is a picture, it would be overwritten")
    if _is_same(str(folder_of(page)), folder):
        raise CliError(
            WRONG_ARGUMENT, f"{flag}: its files would go into {folder}; choose another name"
        )
    title = title or os.path.basename(os.path.abspath(folder))
    number = len({row["id"] for row in rows})
    progress = Progress("pictures", quiet)
    try:
        entries = _told(entries_of(found), number, progress)
        return number, write_report(page, title, summary_of(found, rows), entries)
    finally:
        progress.close()


def _told(entries: Iterable[ReportEntry], number: int, progress: Progress) -> Iterator[ReportEntry]:
    for done, entry in enumerate(entries, 1):
        yield entry
        progress(done, number)


def _is_same(first: str, second: str) -> bool:
    return os.path.exists(first) and os.path.exists(second) and os.path.samefile(first, second)
