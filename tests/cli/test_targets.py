"""Several classes in one run, the report as JSON, and what it says of maps that show nothing."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import fails
from tests.cli.test_compare import panels_of

CALLS = {
    "rise": ("--num-masks", 64),
    "occlusion": (),
    "gradient": (),
    "gradcam": ("--layer", "mix"),
}


def targets(*names):
    return [word for name in names for word in ("--target", name)]


@pytest.mark.parametrize("explainer", CALLS)
def test_several_classes_give_the_maps_of_each_alone(explain, files, explainer):
    options = ("--explainer", explainer, *CALLS[explainer], "--npy", files / "map.npy")
    result = explain(*options, *targets("3", "upper left"))
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split("  ")[0] for line in lines[:4]] == ["class", "probability"] * 2
    assert (lines[0], lines[2]) == ("class        3 (lower right)", "class        0 (upper left)")
    together = np.load(files / "map.npy")
    assert (together.shape, together.dtype) == ((2, 16, 24), np.float32)
    panels = panels_of(files / "out.png", columns=2)
    for name, found, panel in zip(("lower right", "0"), together, panels, strict=True):
        assert explain(*options, "--target", name, output="one.png").code == 0
        alone = np.load(files / "map.npy")
        assert alone.shape == (16, 24)
        np.testing.assert_array_equal(found, alone)
        with Image.open(files / "one.png") as picture:
            np.testing.assert_array_equal(panel, np.asarray(picture.resize((240, 160))))


def test_error_bars_of_several_classes(explain, files):
    options = ("--num-masks", 512, "--uncertainty")
    result = explain(*options, *targets("0", "1", "2"))
    assert (result.code, result.err) == (0, "")
    row = next(line for line in result.out.splitlines() if line.startswith("correlation"))
    assert row.count("0.") == 3
    assert len(panels_of(files / "out.png", columns=4)) == 8  # three pairs, two empty places


def test_compare_shows_every_class(compare, files):
    result = compare("--explainers", "gradient,occlusion", *targets("1", "2"))
    assert (result.code, result.err) == (0, "")
    assert len(panels_of(files / "out.png", columns=4)) == 8  # picture, four maps, empty places


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("2", "lower left"), ["--target: '2' and 'lower left' are the same class, 2"]),
        (("top", "2"), ["--target: 'top' and '2' are the same class, 2"]),
        (("1", "9"), ["--target: must be in [0, 4), got 9"]),
        (("0,3",), ["no class is called '0,3'; for several classes give --target once for each"]),
    ],
)
def test_classes_that_do_not_go_together_are_refused(explain, names, parts):
    fails(explain(*targets(*names)), 2, *parts)


def test_a_name_may_hold_a_comma(explain, files):
    (files / "names.txt").write_text("goldfish, Carassius auratus\nb\n3,8\nd\n")
    options = ("--explainer", "gradient", "--class-names", files / "names.txt")
    result = explain(*options, *targets("goldfish, Carassius auratus", "3,8"))
    assert result.code == 0
    assert "class        2 (3,8)" in result.out


def test_a_name_of_digits_and_an_underscore_is_no_index(explain, files):
    (files / "names.txt").write_text("0_0\n0_3\n0_1\n0_2\n")
    options = ("--explainer", "gradient", "--class-names", files / "names.txt")
    result = explain(*options, *targets("0_1", " 3 "))
    assert result.code == 0
    assert "class        2 (0_1)" in result.out
    assert "class        3 (0_2)" in result.out


def test_the_report_as_json(explain, files):
    options = ("--num-masks", 64, "--npy", files / "map.npy", "--json", files / "run.json")
    result = explain(*options, *targets("0", "2"))
    assert (result.code, result.err) == (0, "")
    report = json.loads((files / "run.json").read_text(encoding="utf-8"))
    maps = np.load(files / "map.npy")
    seconds = report["explainers"][0].pop("seconds")
    assert seconds >= 0
    version = report.pop("fastxai")
    assert version[0].isdigit()
    # Logits are 8 times the quarters, 150/255 and for the lower left 250/255.
    brightest = np.exp(8 * 100 / 255)
    scores = [found.pop("score") for found in report["classes"]]
    np.testing.assert_allclose(scores, np.array([1, brightest]) / (3 + brightest), rtol=1e-5)
    assert report == {
        "schema": 1,
        "command": "explain",
        "image": {
            "path": str(files / "picture.png"),
            "height": 16,
            "width": 24,
            "seen": [0.0, 0.0, 24.0, 16.0],
        },
        "model": "corner_networks:corners",
        "checkpoint": None,
        "input_shape": [1, 3, 16, 24],
        "network_output": [],
        "activation": "softmax",
        "score": None,
        "classes": [{"index": 0, "name": "upper left"}, {"index": 2, "name": "lower left"}],
        "explainers": [
            {
                "name": "rise",
                "left_out": None,
                "steps": 64,
                "unit": "masks",
                "engine": {
                    "name": "mindspore",
                    "precision": "float32",
                    "reason": "it was asked for",
                },
                "maps": [
                    {
                        "class": index,
                        "minimum": float(found.min()),
                        "maximum": float(found.max()),
                        "zero": False,
                        "correlation": None,
                    }
                    for index, found in zip((0, 2), maps, strict=True)
                ],
            }
        ],
        "clip_percentile": 99.0,
        "notes": [],
        "written": {
            "output": str(files / "out.png"),
            "npy": str(files / "map.npy"),
            "json": str(files / "run.json"),
        },
    }
    assert f"written      {files / 'run.json'}" in result.out


def test_json_on_standard_output_is_all_that_stands_there(explain, compare):
    for options in ((), ("--quiet",)):
        result = explain("--explainer", "gradient", "--json", "-", *options)
        assert json.loads(result.out)["explainers"][0]["unit"] == "passes"
        assert "json" not in json.loads(result.out)["written"]
    report = json.loads(compare("--num-masks", 8, "--json", "-").out)
    reasons = {found["name"]: found["left_out"] for found in report["explainers"]}
    assert [name for name, reason in reasons.items() if reason] == ["riseplus", "gradcam"]
    assert reasons["gradcam"].startswith("needs --layer NAME")


def test_a_name_of_a_file_that_is_not_utf8(explain, files):
    odd = b"\xff.png".decode(errors="surrogateescape")
    (files / odd).write_bytes((files / "picture.png").read_bytes())
    for options in ((), ("--json", "-"), ("--json", files / "run.json")):
        result = explain("--explainer", "gradient", *options, image=odd, output=f"out{odd}")
        assert (result.code, result.err) == (0, "")
    assert json.loads((files / "run.json").read_text())["image"]["path"] == str(files / odd)


@pytest.mark.parametrize(
    ("explainer", "words"),
    # RISE's map of equal scores is the score times the probability to keep a pixel: 0.25 / 2.
    [("gradient", "zero"), ("occlusion", "zero"), ("rise", "the same")],
)
def test_a_map_that_shows_nothing_is_said(explain, compare, explainer, words):
    flat = {"model": "corner_networks:indifferent"}
    options = CALLS[explainer]
    result = explain("--explainer", explainer, *options, **flat)
    assert result.code == 0
    assert f"map          {words} everywhere\n" in result.out
    result = explain("--explainer", explainer, *options, "--json", "-", **flat)
    found = json.loads(result.out)["explainers"][0]["maps"][0]
    assert found["zero"] is (words == "zero")
    assert found["minimum"] == found["maximum"] == (0.125 if explainer == "rise" else 0)
    result = compare("--explainers", explainer, *options, **flat)
    assert f"; the map is {words} everywhere\n" in result.out
    assert "everywhere" not in explain("--explainer", explainer, *options).out


def test_a_map_of_zeros_among_others_is_said_with_its_class(explain):
    result = explain("--explainer", "gradient", *targets("0", "1"), model="corner_networks:half")
    assert "map          zero everywhere for class 1 (upper right)\n" in result.out
