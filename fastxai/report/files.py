"""A page and, where there are many pictures, the files beside it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastxai.report.model import Report
from fastxai.report.page import details_of, facts_of, filled, script_json
from fastxai.system.atomic_file import replacing

if TYPE_CHECKING:
    from fastxai.report.model import ReportEntry

EMBEDDED = 2**24  # characters of pictures and maps that a page holds; more go to files beside it
_OURS = re.compile(r"\d{6,}-[0-9a-f]{12}\.js")


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder of the files beside a page: 'report_files' of 'report.html'."""
    return Path(path).with_name(f"{Path(path).stem}_files")


def write_report(
    path: str | os.PathLike[str],
    title: str,
    summary: Iterable[tuple[str, str]],
    entries: Iterable[ReportEntry],
    embedded: int = EMBEDDED,
) -> int:
    """Writes a page, which is there whole or not at all, and the files that it needs before it.

    A picture's file is named after its content. So a page that is replaced works until the new one
    is there; files that no page needs any more are removed after that.

    Args:
        path: The page.
        title: Its heading.
        summary: Labels and texts above the pictures.
        entries: The pictures; one at a time is held, beside what the page itself holds.
        embedded: Characters of JSON that the page may hold; with more, every picture gets a file.

    Returns:
        The number of files beside the page.

    Raises:
        ImportError: jinja2 is not installed.
        ValueError: There is no picture.
        OSError: A file cannot be written.
    """
    index: list[dict[str, Any]] = []
    held: list[str] | None = []
    size, folder = 0, folder_of(path)
    for entry in entries:
        index.append(facts_of(entry))
        details = script_json(details_of(entry))
        size += len(details)
        if held is not None and size <= embedded:
            held.append(details)
            continue
        for place, text in enumerate(held or []):
            index[place]["file"] = _write(folder, place, text)
        held = None
        index[-1]["file"] = _write(folder, len(index) - 1, details)
    page = filled(Report(title, tuple(summary), ()), index, held)
    with replacing(path) as file:
        file.write(page)
    needed = {Path(facts["file"]).name for facts in index if "file" in facts}
    _remove_others(folder, needed)
    return len(needed)


def _write(folder: Path, place: int, details: str) -> str:
    """Writes a picture's file; returns its address as the page has it."""
    from urllib.parse import quote

    content = f"fastxaiReport({place},{details});\n".encode()
    name = f"{place:06d}-{hashlib.sha256(content).hexdigest()[:12]}.js"
    folder.mkdir(exist_ok=True)
    with replacing(folder / name) as file:
        file.write(content)
    return f"{quote(os.fsencode(folder.name))}/{name}"


def _remove_others(folder: Path, needed: set[str]) -> None:
    """Removes files of a page that was replaced; nothing that has another kind of name."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if _OURS.fullmatch(file.name) and file.name not in needed:
            file.unlink(missing_ok=True)
    with suppress(OSError):  # it holds files
        folder.rmdir()
