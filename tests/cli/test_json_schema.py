"""The JSON of the command line and of an explanation against the table of docs/cli.md."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.docs.pages import DOCS
from tests.perturbation.test_summary import FOUND

ROW = re.compile(r"^\| `([^`]+)` \| (both|`--json`|`to_json`) \| ([\w, ]+) \| .+ \|$", re.M)
KINDS = {
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "object": lambda value: type(value) is dict,
}


@pytest.fixture(scope="module")
def documented():
    """(member, of, types) of the table."""
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    section = text.split("### The report as JSON\n")[1].split("\n### ")[0]
    found = [(name, of, kinds.split(", ")) for name, of, kinds in ROW.findall(section)]
    assert len(found) == len(re.findall(r"^\| `", section, re.M)) > 40
    return found


def members(value, path=""):
    """(member, value) of every number, text and null, and of objects that may be null."""
    if isinstance(value, dict):
        if path.endswith(".engine"):
            yield path, value
        for name, item in value.items():
            yield from members(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]")
    else:
        yield path, value


def check(texts, documented, here):
    """Every member is documented with its type, and every documented member is there."""
    known = {name: kinds for name, of, kinds in documented if of in ("both", here)}
    seen = set()
    for text in texts:
        for name, value in members(json.loads(text)):
            assert any(KINDS[kind](value) for kind in known[name]), (name, value)
            seen.add(name)
    assert seen == known.keys()


def test_json_of_commands_is_documented(explain, compare, files, documented):
    facts, page = files / "facts.json", files / "page.html"
    more = (
        "--npy",
        files / "map.npy",
        "--state",
        files / "run.state",
        "--report",
        page,
        "--curves",
    )
    inside = ("--network-output", "1", "--network-output", "1", "--target", 1)
    texts = []
    for run in (
        lambda: explain("--uncertainty", "--json", facts, *more),
        lambda: explain("--json", facts, *inside, model="corner_networks:nested"),
        lambda: compare("--json", facts, "--num-masks", 64),  # leaves gradcam out, and says so
    ):
        result = run()
        assert result.code == 0, result.err
        texts.append(facts.read_text())
    check(texts, documented, "`--json`")


def test_json_of_an_explanation_is_documented(documented):
    bare = {"standard_error": None, "degrees_of_freedom": None, "correlation": None, "seed": None}
    whole = FOUND.to_json()
    broken = replace(FOUND, saliency=np.full_like(FOUND.saliency, np.nan))
    check([whole, replace(FOUND, **bare).to_json(), broken.to_json()], documented, "`to_json`")
