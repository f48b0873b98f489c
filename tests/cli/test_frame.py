"""What of a picture the network sees, and where the map is painted."""

import json

import numpy as np
import pytest
from PIL import Image

from fastxai.cli.subject.picture import Frame
from fastxai.visual.cv import saliency_to_image
from tests.cli.conftest import fails

CHANNELS = ("--activation", "identity", "--explainer", "gradient")


@pytest.fixture
def photo(files):
    """A photograph of 60 by 37 whose pixels all differ, [H, W, 3] uint8."""
    pixels = np.random.default_rng(1).integers(0, 255, (37, 60, 3), np.uint8)
    Image.fromarray(pixels).save(files / "photo.png")
    return pixels


@pytest.fixture
def see(cli, files):
    """Run ``explain`` on the photograph without --size; returns the result and its JSON."""

    def run(*options, model="no_names:channels", code=0):
        basic = ["--model", model, "-o", files / "out.png", "--json", "-", *CHANNELS]
        result = cli("explain", files / "photo.png", *basic, *options)
        assert result.code == code, result.err
        return result, json.loads(result.out) if code == 0 else None

    return run


@pytest.mark.parametrize(
    ("resize", "crop", "size", "resized", "cut"),
    [
        # (width, height) of the picture; the rules are torchvision's Resize and CenterCrop.
        ((256,), (224, 224), (500, 375), (341, 256), (58, 16, 282, 240)),
        ((256,), (224, 224), (375, 500), (256, 341), (16, 58, 240, 282)),
        ((256,), (224, 224), (300, 300), (256, 256), (16, 16, 240, 240)),
        ((256,), None, (500, 375), (341, 256), (0, 0, 341, 256)),
        ((20, 30), (10, 11), (500, 375), (30, 20), (10, 5, 21, 15)),  # (30 - 11) / 2 = 9.5 -> 10
        ((5,), (5, 5), (3, 1000), (5, 1666), (0, 830, 5, 835)),  # 830.5 -> 830
    ],
)
def test_resize_of_the_shorter_side_and_crop_of_the_middle(resize, crop, size, resized, cut):
    frame = Frame(resize, crop)
    assert frame.resized(size) == resized
    assert frame.cut(resized) == cut


def test_the_network_sees_the_middle_of_the_resized_picture(see, photo):
    _, report = see("--resize", 20, "--crop", "10x16", "--target", 1)
    small = Image.fromarray(photo).resize((32, 20), Image.Resampling.BILINEAR)  # 20 · 60 / 37
    middle = np.asarray(small)[5:15, 8:24]
    assert report["input_shape"] == [1, 3, 10, 16]
    assert report["classes"][0]["score"] == pytest.approx(middle[..., 1].mean() / 255, rel=1e-5)
    expected = [8 * 60 / 32, 5 * 37 / 20, 24 * 60 / 32, 15 * 37 / 20]
    assert report["image"]["seen"] == pytest.approx(expected)


def test_bgr_turns_the_channels_and_mean_and_std_are_in_that_order(see, photo):
    blue, green, red = photo[..., ::-1].reshape(-1, 3).mean(0) / 255
    options = ("--bgr", "--size", "37x60", "--mean", "0.1,0.2,0.3", "--std", "1,2,4")
    _, report = see(*options, "--target", 0, "--target", 1, "--target", 2)
    scores = [found["score"] for found in report["classes"]]
    expected = [blue - 0.1, (green - 0.2) / 2, (red - 0.3) / 4]
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--crop", "10"), "--crop: needs --resize"),
        (("--resize", "10", "--size", "10"), "--size: not with --resize"),
        (("--resize", "10", "--crop", "11"), "--crop: 11x11 does not fit into the resized picture"),
        (("--resize", "0"), "--resize: must be at least 1 pixel"),
        (("--resize", "1x2x3"), "--resize: must be S or HxW"),
        (("--bgr", "--grayscale"), "--bgr: not with --grayscale"),
        (("--overlay-size", "screen"), "--overlay-size"),
        (("--clip-percentile", "0"), "--clip-percentile: must be above 0 and at most 100, got 0"),
        (("--clip-percentile", "101"), "--clip-percentile: must be above 0 and at most 100"),
        (("--clip-percentile", "nan"), "--clip-percentile: must be above 0 and at most 100"),
        (("--clip-percentile", "x"), "--clip-percentile: must be a number, got 'x'"),
    ],
)
def test_a_wrong_argument_is_exit_code_2(see, photo, options, words):
    result, _ = see(*options, code=2)
    fails(result, 2, words)


def painted(files):
    with Image.open(files / "out.png") as picture:
        return np.asarray(picture)


def test_the_map_is_painted_over_the_part_that_the_network_saw(see, files, photo):
    see("--resize", 37, "--crop", 37, "--explainer", "rise", "--num-masks", 64)
    pixels = painted(files)
    assert pixels.shape == photo.shape
    left, right = 12, 49  # (60 - 37) / 2 = 11.5, which is rounded to 12
    np.testing.assert_array_equal(pixels[:, :left], photo[:, :left])
    np.testing.assert_array_equal(pixels[:, right:], photo[:, right:])
    assert (pixels[:, left:right] != photo[:, left:right]).mean() > 0.5


@pytest.mark.parametrize("size", ["photograph", "network"])
@pytest.mark.parametrize("clip", [99, 100, 50])
def test_without_resizing_the_picture_is_that_of_saliency_to_image(see, files, photo, size, clip):
    options = ("--explainer", "rise", "--num-masks", 64, "--npy", files / "map.npy")
    see(*options, "--size", "37x60", "--overlay-size", size, "--clip-percentile", clip)
    saliency = np.load(files / "map.npy")
    expected = saliency_to_image(saliency, Image.fromarray(photo), clip_percentile=clip)
    np.testing.assert_array_equal(painted(files), np.asarray(expected))


def test_the_size_of_what_the_network_sees_can_be_asked_for(see, files, photo):
    see("--resize", 20, "--crop", "10x16", "--overlay-size", "network")
    assert painted(files).shape == (10, 16, 3)
    see("--size", 9)
    assert painted(files).shape == photo.shape


def test_a_sheet_of_a_large_photograph_is_reduced(compare, files):
    Image.new("RGB", (3000, 2000), "gray").save(files / "large.png")
    assert compare("--explainers", "gradient", image="large.png").code == 0
    assert painted(files).shape == (683 + 24, 2 * 1024, 3)  # 2000 · 1024 / 3000 = 682.7


def test_a_sheet_of_a_strip_is_not_enlarged_beyond_its_length(compare, files):
    Image.new("RGB", (1, 500), "gray").save(files / "strip.png")
    assert compare("--explainers", "gradient", image="strip.png").code == 0
    assert painted(files).shape == (2 * 500 + 24, 2 * 2, 3)  # 1024 // 500 times larger


def test_the_report_says_how_maps_are_clipped(explain):
    quick = ("--explainer", "gradient")
    words = "colours      brightest at percentile"
    assert f"{words} 99 of the map;" in explain(*quick).out
    assert f"{words} 97.5 of the map;" in explain(*quick, "--clip-percentile", 97.5).out
    assert "colours" not in explain(*quick, "--clip-percentile", 100).out


def test_a_pass_over_a_huge_input_is_announced(explain, files):
    options = ("--explainer", "gradient", "--size", 1024)
    result = explain(*options, model="no_names:channels")
    words = "gradient of 1024x1024 pixels may take minutes; it shows no progress\n"
    assert result.err == f"fastxai explain: note: {words}"
    assert explain(*options, "--quiet", model="no_names:channels").err == ""
