"""``fastxai compare``: the sheet it writes, what it leaves out, and every way to get it wrong."""

import re

import numpy as np
import pytest
from PIL import Image

from fastxai.cli import explainers
from tests.cli.conftest import DEMO, fails

RELU = "corner_networks:relu_corners"
PANEL = 240, 160 + 24  # pixels: a picture of 24 by 16, enlarged tenfold, and its title


def panels_of(path, columns, size=PANEL):
    """The pictures of a sheet without their titles, [H, W, 3], row by row."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet)
    width, height = size
    assert pixels.shape[1:] == (columns * width, 3)
    rows = pixels.shape[0] // height
    assert pixels.shape[0] == rows * height
    return [
        pixels[row * height + 24 : (row + 1) * height, column * width : (column + 1) * width]
        for row in range(rows)
        for column in range(columns)
    ]


def labels_of(result):
    """First words of the report's lines."""
    return [line.split()[0] for line in result.out.splitlines()]


def test_named_explainers_stand_side_by_side_in_their_order(compare, explain, files):
    result = compare("--explainers", "occlusion,gradcam,rise", "--layer", "mix", "--num-masks", 64)
    assert (result.code, result.err) == (0, "")
    assert labels_of(result) == [
        *("class", "probability", "occlusion", "gradcam", "rise", "colours", "written"),
    ]
    original, *maps = panels_of(files / "out.png", columns=4)
    with Image.open(files / "picture.png") as picture:
        expected = np.asarray(picture.resize((240, 160)))
    np.testing.assert_array_equal(original, expected)
    options = {
        "occlusion": (),
        "gradcam": ("--layer", "mix"),
        "rise": ("--num-masks", 64),
    }
    for (name, more), panel in zip(options.items(), maps, strict=True):
        assert explain("--explainer", name, *more, output="one.png").code == 0
        with Image.open(files / "one.png") as alone:
            np.testing.assert_array_equal(panel, np.asarray(alone.resize((240, 160))))


def test_every_explainer_has_a_line_with_its_time(compare):
    result = compare("--explainers", "rise,guidedbackprop", "--num-masks", 64, model=RELU)
    lines = result.out.splitlines()
    assert lines[0] == "class            2 (lower left)"
    rate = r"64 masks in \d+\.\d s, \d+\.\d masks/s, by MindSpore, float32"
    assert re.fullmatch("rise             " + rate, lines[2])
    assert re.fullmatch(r"guided-backprop  1 pass in \d+\.\d\d s", lines[3])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_all_seven_on_the_demo(cli, files, demo_ood_ckpt, mode):
    result = cli(
        *("compare", DEMO / "pictures" / "3_and_8.png", "-o", files / "all.png", "--target"),
        *("eight", "--model", "demo_networks:DemoWithFeatures", "--ood-ckpt", demo_ood_ckpt),
        *("--size", 96, "--mean", 0.5, "--std", 0.25, "--layer", "features", "--mode", mode),
        *("--num-masks", 64, "--batch-size", 64),
    )
    assert (result.code, result.err) == (0, "")
    assert labels_of(result)[2:-2] == list(explainers.NAMES)
    assert "left out" not in result.out
    panels = panels_of(files / "all.png", columns=4, size=(288, 288 + 24))
    assert len({panel.tobytes() for panel in panels}) == 8, "two maps are the same"


def test_by_default_those_that_lack_an_option_are_left_out_and_named(compare, files):
    result = compare("--num-masks", 8, model=RELU)
    assert (result.code, result.err) == (0, "")
    assert labels_of(result)[2:-2] == list(explainers.NAMES)
    assert re.search(r"^riseplus +left out: needs --ood-ckpt FILE", result.out, re.M)
    assert re.search(r"^gradcam +left out: needs --layer NAME,.* mix$", result.out, re.M)
    assert result.out.count("left out") == 2
    panels = panels_of(files / "out.png", columns=4)
    assert len(panels) == 8
    assert [bool((panel == 255).all()) for panel in panels] == [False] * 6 + [True] * 2


def test_by_default_those_that_fail_are_left_out_and_named(compare):
    result = compare("--num-masks", 8, "--layer", "twice", model="corner_networks:flat")
    assert result.code == 0
    assert re.search(
        r"^gradcam +left out: the explanation failed: .* used 2 times", result.out, re.M
    )


def test_where_none_can_run_is_exit_code_4(compare):
    result = compare("--num-masks", 8, "--activation", "identity", model="corner_networks:once")
    fails(
        result,
        4,
        "no explainer can run; rise left out: the explanation failed: RuntimeError: once",
        command="compare",
    )


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--explainers", "gradcam"], ["gradcam needs --layer NAME, usually the last"]),
        (["--explainers", "rise,riseplus"], ["riseplus needs --ood-ckpt FILE"]),
        (
            ["--explainers", "gradient,occlusion", "--seed", "3"],
            ["--seed: only for rise or riseplus, got --explainers gradient,occlusion"],
        ),
        (["--explainers", "gradient", "--layer", "mix"], ["--layer: only for gradcam, got"]),
        (["--explainers", "rise,lime"], ["--explainers: must be one of rise", "got 'lime'"]),
        (["--explainers", ""], ["--explainers: must be one of rise", "got ''"]),
        (["--explainers", "rise,RISE"], ["--explainers: must name every explainer once"]),
        (["--layer", "mixx"], ["--layer: `network` has no layer 'mixx'; the nearest are ['mix']"]),
        (["--explainer", "rise"], ["unrecognized arguments: --explainer rise"]),
        (["--npy", "x.npy"], ["unrecognized arguments: --npy"]),
        (["--target", "9"], ["--target: must be in [0, 4), got 9"]),
    ],
)
def test_a_wrong_argument_is_exit_code_2(compare, options, parts):
    result = compare(*options)
    fails(result, 2, *parts, command="compare")


def test_inputs_that_cannot_be_read_are_exit_code_3(compare, files):
    fails(compare(image="none.png"), 3, "IMAGE: cannot read", command="compare")
    fails(compare(model="nowhere:net"), 3, "--model: cannot import", command="compare")
    result = compare("--ood-ckpt", files / "none.ckpt")
    fails(result, 3, "--ood-ckpt: ", "none.ckpt does not exist", command="compare")


def test_an_output_that_cannot_be_written_is_refused_before_the_work(compare):
    for output, words in (
        ("absent/out.png", "there is no folder"),
        ("out.psd", "must end in .png"),
    ):
        result = compare(model="corner_networks:interrupted", output=output)
        fails(result, 2, f"--output: {words}", command="compare")


def test_a_named_explainer_that_fails_is_exit_code_4(compare):
    options = ("--explainers", "gradient,gradcam", "--layer", "twice")
    result = compare(*options, model="corner_networks:flat")
    words = "gradcam: the explanation failed: ValueError: GradCAM: the layer 'twice' is used 2"
    fails(result, 4, words, command="compare")


def test_quiet_prints_nothing(compare, files):
    result = compare("--explainers", "gradient", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (files / "out.png").exists()


def test_an_interrupt_is_exit_code_130_and_writes_nothing(compare, files):
    result = compare(model="corner_networks:interrupted")
    assert (result.code, result.err) == (130, "fastxai compare: interrupted\n")
    assert not (files / "out.png").exists()
