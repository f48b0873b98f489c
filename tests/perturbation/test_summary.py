"""An explanation as JSON and in a notebook."""

import html
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from fastxai.perturbation.explanation import Explanation
from tests.report.pages import content_of

DRAW = np.random.default_rng(0)
FOUND = Explanation(
    explainer="RISE",
    saliency=DRAW.normal(size=(2, 3, 5, 4)).astype(np.float32),
    targets=np.array([[4, 0, 2], [1, 3, 0]]),
    num_masks=np.array([64, 128]),
    engine="mindspore",
    precision="float32",
    seconds=1.25,
    standard_error=DRAW.random((2, 3, 5, 4), np.float32),
    degrees_of_freedom=np.array([63, 127]),
    correlation=np.array([[0.5, 0.25, np.nan], [1.0, 0.75, 0.5]]),
    seed=7,
    design="iid",
    estimator="centred",
)


def test_json_tells_of_every_map():
    known = json.loads(FOUND.to_json())
    assert known["schema"] == 1
    (rise,) = known["explainers"]
    assert (rise["name"], rise["steps"], rise["unit"], rise["seed"]) == ("RISE", 192, "masks", 7)
    assert [(m["image"], m["class"], m["steps"]) for m in rise["maps"]] == [
        *((0, 4, 64), (0, 0, 64), (0, 2, 64)),
        *((1, 1, 128), (1, 3, 128), (1, 0, 128)),
    ]
    assert rise["maps"][1]["maximum"] == FOUND.saliency[0, 1].max()
    assert [m["correlation"] for m in rise["maps"]] == [0.5, 0.25, None, 1.0, 0.75, 0.5]


def test_explanation_without_an_error_bar_has_null_correlations():
    bare = replace(FOUND, standard_error=None, degrees_of_freedom=None, correlation=None, seed=None)
    (found,) = json.loads(bare.to_json())["explainers"]
    assert {each["correlation"] for each in found["maps"]} == {None}
    assert found["unit"] == "windows"


def test_notebook_shows_the_maps_in_a_frame_of_their_own():
    pytest.importorskip("jinja2")
    frame = FOUND._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in frame
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame).group(1))
    entries = content_of(page.encode())["entries"]
    assert [entry["name"] for entry in entries] == ["image 0", "image 1"]
    assert [each["target"] for each in entries[0]["maps"]] == [4, 0, 2]


def test_notebook_shows_text_without_jinja2(monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert FOUND._repr_html_() is None


def test_notebook_shows_the_first_32_maps():
    pytest.importorskip("jinja2")
    many = replace(
        FOUND,
        saliency=np.zeros((2, 20, 2, 2), np.float32),
        targets=np.tile(np.arange(20), (2, 1)),
        standard_error=None,
        degrees_of_freedom=None,
        correlation=None,
    )
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', many._repr_html_()).group(1))
    entries = content_of(page.encode())["entries"]
    assert [len(entry["maps"]) for entry in entries] == [20, 12]
    assert "the first 32 of 40 maps" in page
