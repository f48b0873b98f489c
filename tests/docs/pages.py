"""The pages that users read, and their prose: Markdown without code, formulas and markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2\s*$", re.M | re.S)
_GENERATED = re.compile(r"<!-- bench:(\w+) -->.*?<!-- /bench:\1 -->", re.S)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.S)
_ATTRIBUTES = re.compile(r"\{[:#.][^}\n]*\}")  # of attr_list: {#anchor}, { .class }
_CODE = re.compile(r"(`+).+?\1", re.S)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_HEADING = re.compile(r"^(#+) (.+?)\s*$")
_ITEM = re.compile(r"^\s*(?:[*+-]|\d+\.) +")
_ADMONITION = re.compile(r'^\s*(?:!!!|\?\?\?) \w+(?: "([^"]*)")?$')
_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[^a-z]|fastxai|mindspore_xai)")


def user_pages() -> list[Path]:
    """README.md and every page of the site."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def name_of(page: Path) -> str:
    """Path from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def without_code(text: str) -> str:
    """A page's text without fenced blocks, comments and what `bench.report` has generated."""
    for pattern in (_FENCE, _GENERATED, _COMMENT):
        text = pattern.sub("\n", text)
    return text


def links(text: str) -> list[str]:
    """Targets of a page's links, pictures apart."""
    return re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", _CODE.sub("code", without_code(text)))


def pictures(text: str) -> list[str]:
    """Targets of a page's pictures."""
    return re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", _FENCE.sub("\n", text))


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Level and words of every heading."""
    for line in without_code(text).splitlines():
        found = _HEADING.match(line)
        if found:
            yield len(found[1]), found[2]


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: headings as GitHub and the site write them."""
    found = set()
    for _, heading in headings(page.read_text(encoding="utf-8")):
        plain = re.sub(r"[^\w\s-]", "", _LINK.sub(r"\1", heading).replace("`", "")).lower()
        found.add(re.sub(r"\s+", "-", plain.strip()))
    return found


def sentences(text: str) -> Iterator[str]:
    """Sentences of paragraphs, list items and cells of tables, as plain words.

    A formula or a piece of code is one word. Headings are no sentences.
    """
    for paragraph in _paragraphs(without_code(text)):
        yield from (part for part in _END.split(paragraph) if part.strip())


def words(sentence: str) -> int:
    """Words of a sentence; signs by themselves are none."""
    return sum(any(letter.isalnum() for letter in word) for word in sentence.split())


def _paragraphs(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in [*_plain(text).splitlines(), ""]:
        is_item, is_row = bool(_ITEM.match(line)), line.lstrip().startswith("|")
        apart = is_row or _HEADING.match(line) or _ADMONITION.match(line)
        if lines and (not line.strip() or is_item or apart):
            yield " ".join(lines)
            lines = []
        if is_row:
            yield from (cell.strip() for cell in line.strip().strip("|").split("|"))
        elif line.strip() and not apart:
            lines.append(_ITEM.sub("", line).strip())


def _plain(text: str) -> str:
    text = _FORMULA.sub("Formula", _CODE.sub("Code", text))
    return _ATTRIBUTES.sub("", _LINK.sub(r"\1", text))
