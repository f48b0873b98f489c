"""Maps in a notebook: the view of a page, in a frame that can reach nothing of the notebook."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastxai.report.model import Report

_FRAME = (
    '<iframe title="{title}" srcdoc="{page}" sandbox="allow-scripts allow-downloads" '
    'style="width: 100%; height: 40rem; border: 0"></iframe>'
)


def in_frame(report: Report) -> str:
    """HTML of a report to stand inside another page.

    Args:
        report: What is shown; at least one picture.

    Raises:
        ImportError: jinja2 is not installed.
        ValueError: As `fastxai.report.page.render` says.
    """
    from fastxai.report.page import render

    page = render(report).decode()
    return _FRAME.format(title=html.escape(report.title), page=html.escape(page))
