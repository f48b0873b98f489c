"""Hooks of mkdocs: links to files outside docs/, and llms.txt beside the pages.

A page may link to a file of the repository that is no page, such as a kernel's README. GitHub
shows the file; the site shows its path, as a link where mkdocs.yml has a `repo_url`.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import llms_txt  # noqa: E402 - the repository's root was not on the path

_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(((?:\.\./)+[^)#\s]+)(#[^)\s]*)?\)")
_LOG = logging.getLogger("mkdocs.hooks.site")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Replaces links that leave docs/ by what the site can show."""
    docs = Path(config["docs_dir"])
    folder = (docs / page.file.src_path).parent

    def replaced(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[2]))
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            _LOG.warning("%s links to %s, which is not there", page.file.src_path, link[2])
        path = target.relative_to(ROOT).as_posix()
        text = link[1] if path in link[1] else f"{link[1]} (`{path}`)"
        url = config.get("repo_url")
        return f"[{text}]({url}/blob/HEAD/{path}{link[3] or ''})" if url else text

    return _LINK.sub(replaced, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Writes llms.txt and llms-full.txt at the site's root."""
    site = Path(config["site_dir"])
    index = re.sub(r"\(docs/(\S+)\.md\)", r"(\1.html)", llms_txt.index())
    (site / "llms.txt").write_text(index, encoding="utf-8")
    (site / "llms-full.txt").write_text(llms_txt.full(), encoding="utf-8")
