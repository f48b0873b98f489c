"""`--score` explains another number than the score of a class; targets are its columns."""

import json

import numpy as np
import pytest
from PIL import Image

from fastxai import scores
from fastxai.models import Occlusion
from tests.cli.conftest import fails
from tests.models._onnx import CLASSES, linear

OCCLUSION = ("--explainer", "occlusion", "--size", "8x10", "--activation", "identity")
NETS = """
import numpy as np
from tests.models._onnx import linear as net
CLASS_NAMES = ["north", "east", "south", "west"]

def two(outputs):
    return np.stack([outputs[:, 0], outputs[:, 1] + outputs[:, 2]], axis=1)

def words(outputs):
    return "high"

number = 4
"""


@pytest.fixture
def linear_net(files):
    """--model of the linear network, with names of its classes, and arrays for scores."""
    (files / "nets_and_scores.py").write_text(NETS)
    np.save(files / "references.npy", np.eye(CLASSES)[:2] + 0.5)
    return f"{files}/nets_and_scores.py:net"


def picture_as_input(files):
    """The picture as the command feeds it."""
    picture = Image.open(files / "picture.png").resize((10, 8), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float32).transpose(2, 0, 1)[None] / 255


def two(outputs):
    return np.stack([outputs[:, 0], outputs[:, 1] + outputs[:, 2]], axis=1)


@pytest.mark.parametrize(
    ("text", "score", "names"),
    [
        ("margin", scores.Margin(), True),
        ("margin:east", scores.Margin(1), False),
        ("margin:3:north", scores.Margin(3, 0), False),
        ("negative", scores.NegativeClass(), True),
        ("value:2", scores.Value(2), False),
        ("similarity:{d}/references.npy", scores.Similarity(np.eye(CLASSES)[:2] + 0.5), False),
        ("{d}/nets_and_scores.py:two", two, False),
    ],
)
def test_the_map_and_the_value_are_of_the_highest_column(
    explain, files, linear_net, text, score, names
):
    text, npy = text.format(d=files), files / "map.npy"
    result = explain(*OCCLUSION, "--score", text, "--npy", npy, "--json", "-", model=linear_net)
    assert (result.code, result.err) == (0, "")
    image = picture_as_input(files)
    values = score(linear(image))[0]
    top = int(values.argmax())
    report = json.loads(result.out)
    assert report["score"] == text
    (target,) = report["classes"]
    name = ["north", "east", "south", "west"][top] if names else None
    assert (target["index"], target["name"]) == (top, name)
    assert target["score"] == pytest.approx(values[top], abs=1e-5)
    expected = Occlusion(linear, None, score=score)(image, top)[0, 0]
    np.testing.assert_allclose(np.load(npy), expected, atol=1e-6)


@pytest.mark.parametrize("explainer", ["rise", "occlusion"])
def test_cells_are_explained_by_scores_too(explain, files, explainer):
    options = ("--explainer", explainer, *(("--num-masks", 64) if explainer == "rise" else ()))
    npy = files / "map.npy"
    result = explain(*options, "--score", "class", "--target", "2", "--npy", npy)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("score        class\ntarget       2 (lower left)\nvalue ")
    found = np.load(npy)
    assert explain(*options, "--target", "2", "--npy", npy).code == 0
    np.testing.assert_allclose(found, np.load(npy), atol=1e-6)


def test_compare_leaves_out_what_explains_classes_alone(compare, files):
    result = compare("--score", "margin", "--num-masks", 64, "--curves", "--json", files / "a.json")
    assert result.code == 0, result.err
    assert "gradient         left out: needs a class, and explains no --score" in result.out
    rise, *_ = json.loads((files / "a.json").read_text())["explainers"]
    shown = rise["maps"][0]["curves"]["insertion"]
    # The last point is the picture: 8 · (250 - 150) / 255 between the logits of two classes.
    powers = np.exp(np.array([0.0, 0.0, 0.0, 800 / 255]))
    assert shown[-1] == pytest.approx((powers[3] - 1) / powers.sum(), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("median", 2, "--score: must be class[:CLASS], margin"),
        ("margin:1:2:3", 2, "must be margin[:CLASS[:OTHER]], got"),
        ("region:a.npy", 2, "must be region:FILE.npy:CLASS"),
        ("margin:up", 2, "--score: no class is called 'up'"),
        ("margin:-1", 2, "--score: Margin: `label` must be"),
        ("margin:9", 4, "Margin: the network has 4 scores, got 9"),
        ("similarity:absent.npy", 3, "--score: cannot read absent.npy"),
        ("{d}/nets_and_scores.py:absent", 3, "--score: module"),
        ("{d}/nets_and_scores.py:number", 3, "must be a function of the outputs (M, ...), got int"),
        ("{d}/nets_and_scores.py:words", 4, "score must return an array of numbers"),
    ],
)
def test_what_is_no_score_is_refused(explain, files, linear_net, text, code, words):
    result = explain(*OCCLUSION, "--score", text.format(d=files), model=linear_net)
    fails(result, code, words)


def test_outputs_and_targets_are_checked(explain, files, linear_net):
    references = files / "references.npy"
    score = ("--score", f"similarity:{references}")
    fails(explain(*OCCLUSION, *score, "--npy", references, model=linear_net), 2, "be overwritten")
    fails(explain(*OCCLUSION, *score, "--target", "2", model=linear_net), 2, "must be in [0, 2)")
    (files / "names.txt").write_text("a cat\n")
    names = ("--class-names", files / "names.txt")
    fails(explain(*OCCLUSION, *score, *names, model=linear_net), 2, "--score has 2 targets")
    fails(explain("--explainer", "gradient", "--score", "margin"), 2, "--score: only for rise")
