"""``--report`` of ``explain`` and ``compare``: the page holds what the other outputs hold."""

import base64
import json
import sys

import numpy as np
import pytest

from tests.cli.conftest import fails
from tests.report.pages import content_of

pytest.importorskip("jinja2")


def floats(found, name):
    return np.frombuffer(base64.b64decode(found[name]), "<f4").reshape(found["height"], -1)


def test_explain_writes_the_maps_of_npy_into_the_page(explain, files):
    page, array, facts = (files / name for name in ("page.html", "maps.npy", "facts.json"))
    options = ["--target", 0, "--target", 1, "--uncertainty", "--npy", array, "--json", facts]
    assert explain(*options, "--report", page).code == 0
    entry = content_of(page.read_bytes())["entries"][0]
    assert (entry["width"], entry["height"]) == (24, 16)
    assert entry["box"] == [0, 0, 1, 1]
    for found, wanted in zip(entry["maps"], np.load(array), strict=True):
        np.testing.assert_array_equal(floats(found, "values"), wanted)
        assert (floats(found, "standardError") >= 0).all()
        assert found["settings"] == json.loads(facts.read_text())
    assert [found["target"] for found in entry["maps"]] == [0, 1]


def test_compare_puts_explainers_side_by_side(compare, files):
    page = files / "page.html"
    assert compare("--explainers", "occlusion,gradient", "--report", page).code == 0
    maps = content_of(page.read_bytes())["entries"][0]["maps"]
    assert [found["explainer"] for found in maps] == ["occlusion", "gradient"]


def test_curves_begin_and_end_with_the_scores_of_picture_and_base(compare, files):
    page, facts = files / "page.html", files / "facts.json"
    options = ("--explainers", "occlusion,gradient", "--curves", "--report", page, "--json", facts)
    assert compare(*options).code == 0
    report = json.loads(facts.read_text())
    maps = content_of(page.read_bytes())["entries"][0]["maps"]
    for found, explainer in zip(maps, report["explainers"], strict=True):
        curves = found["curves"]
        assert curves == explainer["maps"][0]["curves"]
        assert {name: len(scores) for name, scores in curves.items()} == {
            "deletion": 21,
            "insertion": 21,
        }
        whole = report["classes"][0]["score"]
        assert curves["deletion"][0] == pytest.approx(whole, rel=1e-5)
        assert curves["insertion"][-1] == pytest.approx(whole, rel=1e-5)
        assert curves["deletion"][-1] == pytest.approx(curves["insertion"][0], rel=1e-5)


def test_curves_need_somewhere_to_go(explain):
    fails(explain("--curves"), 2, "--curves", "only with --report or --json")


def test_page_is_no_input_and_no_other_output(explain, files):
    name = files / "same.html"
    fails(explain("--report", name, "--json", name), 2, "--report", "is the file of --json too")


def test_other_suffixes_are_refused(explain, files):
    fails(explain("--report", files / "page.pdf"), 2, "--report", "must end in .html")


def test_missing_jinja2_is_named_before_anything_runs(explain, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = explain("--report", files / "page.html", model="no_such_module:net")
    fails(result, 2, "--report", "pip install 'fastxai[report]'")
