"""llms.txt: the pages of the site with a sentence on each, for programs that read text.

The sections are those of the navigation in mkdocs.yml, the sentence is the first of the page.
`python tools/llms_txt.py` writes llms.txt at the root of the repository; a test holds it against
the pages. The site has llms-full.txt too: all pages in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TITLE = "# fastxai\n\n"
_SECTION = re.compile(r"^  - ([^:]+):$")
_PAGE = re.compile(r"^ +- (?:([^:]+): )?(\S+\.md)$")
_API = "api/"
_GENERATED = re.compile(r"<!-- bench:(\w+) -->.*?<!-- /bench:\1 -->\n*", re.S)


def navigation() -> Iterator[tuple[str, str, str]]:
    """(section, title, path below docs/) of every page, in the order of mkdocs.yml."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    block = re.search(r"^nav:\n((?: .*\n)+)", text, re.M)
    if block is None:
        raise ValueError("mkdocs.yml has no `nav`")
    section = "Start"
    for line in block[1].splitlines():
        heading, page = _SECTION.match(line), _PAGE.match(line)
        if heading:
            section = heading[1]
        elif page:
            yield section, page[1] or "fastxai", page[2]
        else:
            raise ValueError(f"mkdocs.yml: this line of `nav` cannot be read: {line}")


def first_sentence(text: str) -> str:
    """The first sentence below a page's title, without markup and what `bench.report` writes."""
    text = _GENERATED.sub("", text)
    paragraph = re.search(r"^# .+\n+((?!```)[^\n#!<|].+(?:\n.+)*)", text)
    if paragraph is None:
        raise ValueError("the page does not begin with a title and a paragraph")
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(paragraph[1].split()))
    return re.split(r"(?<=[.!?]) (?=[^a-z]|fastxai)", plain.replace("**", ""))[0]


def index() -> str:
    """The text of llms.txt."""
    lines, last = [_TITLE + "> " + _sentence("index.md")], ""
    for section, title, path in navigation():
        if section != last:
            lines.append(f"\n## {section}\n")
            last = section
        lines.append(f"- [{title}](docs/{path}): {_sentence(path)}")
    return "\n".join(lines) + "\n"


def full() -> str:
    """All pages but the generated reference, one after the other."""
    paths = [path for _, _, path in navigation() if not path.startswith(_API)]
    return "\n\n".join((ROOT / "docs" / path).read_text(encoding="utf-8") for path in paths)


def _sentence(path: str) -> str:
    try:
        return first_sentence((ROOT / "docs" / path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"docs/{path}: {error}") from None


if __name__ == "__main__":
    (ROOT / "llms.txt").write_text(index(), encoding="utf-8")
