"""The pages that users read: short sentences, plain headings, links that lead somewhere."""

import re

import pytest

import fastxai
import fastxai.benchmark
import fastxai.compat
import fastxai.explainer
import fastxai.ops
import fastxai.tool.cv
import fastxai.visual.cv
from fastxai.compat.unavailable import not_available
from tests.docs import pages
from tools import llms_txt

MAX_WORDS = 30  # of a sentence
MAX_HEADING = 8
CLAUSES = ("how", "if", "that", "those", "what", "when", "where", "who", "why")
PAGES = {pages.name_of(page): page for page in pages.user_pages()}


def long_sentences(text: str) -> list[str]:
    return [sentence for sentence in pages.sentences(text) if pages.words(sentence) > MAX_WORDS]


def clauses(text: str) -> list[str]:
    """Headings that are no name of a thing or task."""
    return [
        words
        for _, words in pages.headings(text)
        if words.split()[0].lower() in CLAUSES or len(words.split()) > MAX_HEADING
    ]


def broken_links(page) -> list[str]:
    """Targets inside the repository that are not there, file or heading."""
    broken = []
    for target in pages.links(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in pages.anchors(file)):
            broken.append(target)
    return broken


@pytest.mark.parametrize("name", PAGES)
def test_no_sentence_is_longer_than_30_words(name):
    assert long_sentences(PAGES[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_heading_is_a_clause(name):
    assert clauses(PAGES[name].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_inside_the_repository_leads_somewhere(name):
    assert broken_links(PAGES[name]) == []


def test_every_page_is_in_the_navigation_and_nothing_else_is():
    listed = [f"docs/{path}" for _, _, path in llms_txt.navigation()]
    assert sorted(listed) == sorted(name for name in PAGES if name.startswith("docs/"))


def test_llms_txt_is_what_the_pages_say():
    text = (pages.ROOT / "llms.txt").read_text(encoding="utf-8")
    assert text == llms_txt.index(), "run: python tools/llms_txt.py"


MODULES = (
    *(fastxai.explainer, fastxai.benchmark, fastxai.tool.cv, fastxai.visual.cv),
    *(fastxai.ops, fastxai.compat),
)
ABSENT = type(not_available("a name"))


def test_the_reference_has_every_public_name():
    text = "".join(page.read_text("utf-8") for page in (pages.DOCS / "api").glob("*.md"))
    documented = set(re.findall(r"^::: (\S+)", text, re.M))
    wanted = {
        f"{module.__name__}.{name}"
        for module in MODULES
        for name in module.__all__
        if type(getattr(module, name)) is not ABSENT
    }
    shown = {name.rsplit(".", 1)[1] for name in documented}
    wanted |= {f"fastxai.{name}" for name in fastxai.__all__ if name not in shown | {"__version__"}}
    assert wanted - documented - {"fastxai.ops.num_threads", "fastxai.ops.set_num_threads"} == set()


# ---- the rules themselves ----------------------------------------------------------------------

WORDS_31 = "word " * 30 + "end."


@pytest.mark.parametrize(
    "text",
    [
        WORDS_31,
        f"* {WORDS_31}",
        f"| a | {WORDS_31} |",
        f"Short. {WORDS_31}",
        "word " * 20 + "\n" + "word " * 11,
        "word; " * 31,
        "`code` and [a link](to/a/page.md) and $x_1$ " * 5 + "end",
        f"# Title\n\n```python\ncode\n```\n{WORDS_31}",
    ],
)
def test_a_long_sentence_is_found(text):
    assert len(long_sentences(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "word " * 29 + "end.",
        "word " * 20 + "end. " + "Word " * 20,
        "word " * 20 + "end. fastxai " + "word " * 20,
        "word " * 20 + "end. `code` " + "word " * 20,
        f"* {'word ' * 20}\n* {'word ' * 20}",
        f"| {'word ' * 20} | {'word ' * 20} |",
        f"```\n{WORDS_31}\n```",
        f"<!-- bench:x -->\n{WORDS_31}\n<!-- /bench:x -->",
        "`" + "word " * 40 + "`",
        "word " * 20 + "= + − × · " * 20,
        f"{'word ' * 20}\n\n{'word ' * 20}",
    ],
)
def test_what_is_no_long_sentence_is_not_found(text):
    assert long_sentences(text) == []


def test_clauses_are_found_among_headings():
    text = "# What is told of it\n\n## Networks\n\n```sh\n# how to run it\n```\n### " + "long " * 9
    assert clauses(text) == ["What is told of it", ("long " * 9).strip()]


def test_broken_links_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# A title\n\n## `code` and more: it\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md) [b](other.md#code-and-more-it) [c](https://example.org/x#y) [d](#here)\n\n"
        "## Here\n\n[e](missing.md) [f](other.md#title) ![g](no.png) `[h](code.md)`\n"
    )
    assert broken_links(page) == ["missing.md", "other.md#title"]
