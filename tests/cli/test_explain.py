"""``fastxai explain``: what it writes and prints, and every way to get it wrong."""

import os
import re
import subprocess
import sys
from pathlib import Path

import mindspore
import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import QUARTERS, fails

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def quarter_means(saliency):
    return {name: saliency[part].mean() for name, part in QUARTERS.items()}


@pytest.mark.parametrize("mode", ["pynative", "graph"])
@pytest.mark.parametrize("explainer", ["rise", "occlusion"])
@pytest.mark.parametrize("target", ["upper right", "lower left"])
def test_the_map_is_highest_where_the_class_is(explain, files, explainer, mode, target):
    # Occlusion shows rises like drops, so the classes must not compete as softmax makes them.
    occlusion = explainer == "occlusion"
    options = ["--activation", "identity"] if occlusion else ["--num-masks", 300]
    npy = files / "map.npy"
    result = explain(
        "--explainer", explainer, "--mode", mode, "--target", target, "--npy", npy, *options
    )
    assert (result.code, result.err) == (0, "")
    saliency = np.load(npy)
    assert (saliency.shape, saliency.dtype) == ((16, 24), np.float32)
    means = quarter_means(saliency)
    assert max(means, key=means.get) == target


def test_the_picture_written_is_the_map_over_what_the_network_sees(explain, files):
    with Image.open(files / "picture.png") as picture:
        picture.resize((240, 160), Image.Resampling.NEAREST).save(files / "large.png")
    options = ("--npy", files / "map.npy", "--overlay-size", "network")
    assert explain(*options, image="large.png").code == 0
    with Image.open(files / "out.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (24, 16))
        pixels = np.asarray(picture)
    saliency = np.load(files / "map.npy")
    lowest = np.unravel_index(saliency.argmin(), saliency.shape)
    highest = np.unravel_index(saliency.argmax(), saliency.shape)
    assert pixels[lowest].tolist() in ([150] * 3, [250] * 3)  # the original shows through
    assert pixels[highest].tolist() == [253, 231, 36]  # viridis at 1


def test_class_probability_speed_and_files_are_printed(explain, files):
    result = explain("--npy", files / "map.npy")
    lines = result.out.splitlines()
    assert lines[0] == "class        2 (lower left)"
    # The quarters are 150/255 and, for the lower left, 250/255; each class's logit is 8 times
    # its quarter, so softmax gives 1 / (1 + 3·exp(-8·100/255)).
    assert lines[1] == "probability  0.8848 (softmax)"
    assert re.fullmatch(r"rise +64 masks in \d+\.\d s, \d+\.\d masks/s", lines[2])
    assert lines[3] == "engine       MindSpore, float32 (it was asked for)"
    assert lines[4].startswith("colours      brightest at percentile 99 of the map; ")
    assert lines[5:] == [f"written      {files / 'out.png'}", f"written      {files / 'map.npy'}"]


def test_occlusion_takes_windows_in_proportion_to_the_picture(explain):
    result = explain("--explainer", "occlusion", "--size", "56x84", "--window", "auto")
    # Windows of 8 by 12 pixels, 2 and 3 apart: 25 of them each way.
    assert re.search(r"^occlusion +625 windows in ", result.out, re.MULTILINE)
    assert "try --window auto" not in result.err


def test_the_small_default_window_of_a_large_picture_is_named(explain):
    assert "try --window auto" in explain("--explainer", "occlusion", "--size", "128").err
    assert "try --window auto" not in explain("--explainer", "occlusion", "--size", "64").err


def test_occlusion_counts_windows(explain):
    result = explain("--explainer", "occlusion")
    # 16 by 24 pixels, windows of 3 by 3 one apart: 14 · 22 of them.
    assert re.search(r"^occlusion +308 windows in .* windows/s$", result.out, re.MULTILINE)


def test_quiet_prints_nothing(explain, files):
    result = explain("--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (files / "out.png").exists()


def test_the_same_seed_gives_the_same_map_and_another_seed_another(explain, files):
    maps = []
    for seed in ((), ("--seed", 0), ("--seed", 1)):
        assert explain("--npy", files / "map.npy", *seed).code == 0
        maps.append(np.load(files / "map.npy"))
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any()


def test_batch_size_does_not_change_the_map(explain, files):
    maps = []
    for size in (5, 64):
        assert explain("--npy", files / "map.npy", "--batch-size", size).code == 0
        maps.append(np.load(files / "map.npy"))
    np.testing.assert_allclose(maps[0], maps[1], rtol=1e-5, atol=1e-6)


def test_a_checkpoint_is_loaded(explain, files):
    weight = mindspore.Parameter(np.zeros((1, 3, 1, 1), np.float32))
    mindspore.save_checkpoint([{"name": "mix.weight", "data": weight}], str(files / "zeros.ckpt"))
    assert "0.8848" in explain("--ckpt", files / "net.ckpt").out
    result = explain("--ckpt", files / "zeros.ckpt", "--target", 1)
    assert "probability  0.2500" in result.out  # all logits are zero


@pytest.mark.parametrize(
    ("activation", "printed"),
    # Logits 8·250/255 = 7.8431 and sigmoid 1 / (1 + exp(-7.8431)).
    [("sigmoid", "probability  0.9996 (sigmoid)"), ("identity", "score        7.8431 (identity)")],
)
def test_other_activations(explain, activation, printed):
    assert printed in explain("--activation", activation).out


def test_mean_and_std_are_applied_to_channels_in_zero_to_one(explain):
    # (250/255 - 0.5) / 2 and twice that for the others: mean of the channels times 8.
    result = explain(
        "--activation", "identity", "--mean", "0.5,0.5,0.5", "--std", "2,2,2", "--target", 2
    )
    assert "score        1.9216" in result.out
    negative = explain("--activation", "identity", "--mean=-0.5", "--std", "2", "--target", 2)
    assert "score        5.9216" in negative.out


def test_grayscale_feeds_one_channel(explain):
    result = explain("--grayscale", model="corner_networks:gray_corners")
    assert (result.code, result.err) == (0, "")
    assert "probability  0.8848" in result.out


def test_exif_orientation_is_respected(explain, files):
    with Image.open(files / "picture.png") as picture:
        exif = picture.getexif()
        exif[0x0112] = 3  # the camera was upside down
        picture.save(files / "turned.png", exif=exif)
    assert "class        1 (upper right)" in explain(image="turned.png").out


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "CMYK", "1", "LA"])
def test_pictures_of_other_modes_become_rgb(explain, files, mode):
    with Image.open(files / "picture.png") as picture:
        picture.convert(mode).save(files / "other.tiff")
    assert explain("--num-masks", 4, image="other.tiff").code == 0


def test_a_network_may_be_an_instance(explain):
    assert "0.8848" in explain(model="corner_networks:ready").out


def test_names_come_from_the_file_before_the_module(explain, files):
    (files / "names.txt").write_text("nw\nne\nsüdwest\nse\n", encoding="utf-8")
    result = explain("--class-names", files / "names.txt", "--target", "südwest")
    assert "class        2 (südwest)" in result.out


def test_without_names_the_index_is_printed_alone(explain):
    assert "class        2\n" in explain(model="no_names:corners").out


def test_a_size_of_one_number_is_a_square(explain, files):
    assert explain("--size", 20, "--overlay-size", "network").code == 0
    with Image.open(files / "out.png") as picture:
        assert picture.size == (20, 20)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--size", "0"], ["--size", "must be at least 1 pixel, got '0'"]),
        (["--size", "1x2x3"], ["--size", "must be S or HxW in pixels", "'1x2x3'"]),
        (["--size", "big"], ["--size", "'big'"]),
        (["--size", "-5"], ["--size"]),
        (["--mean", "a,b"], ["--mean", "must be numbers with commas", "'a,b'"]),
        (["--mean", "nan"], ["--mean", "must be finite"]),
        (["--mean", "1,2"], ["--mean: must hold 1 or 3 values for 3 channels, got 2"]),
        (["--std", "1,2,3", "--grayscale"], ["--std: must hold 1 or 1 values"]),
        (["--mean", "1e39"], ["--mean", "must be finite in float32, got '1e39'"]),
        (["--std", "0"], ["--std", "must be above 0, got '0'"]),
        (["--std", "1e-46"], ["--std", "must be a number that float32 holds"]),
        (["--num-masks", "1"], ["--num-masks", "must be in [2, 2147483647], got 1"]),
        (["--num-masks", "1.5"], ["--num-masks", "must be a whole number, got '1.5'"]),
        (["--batch-size", "-1"], ["--batch-size", "must be at least 1"]),
        (["--seed", "-1"], ["--seed", "must be in [0, 18446744073709551615], got -1"]),
        (["--seed", str(2**64)], ["--seed", "must be in [0, 18446744073709551615]"]),
        (["--explainer", "lime"], ["--explainer: must be one of rise, riseplus", "'lime'"]),
        (["--activation", "tanh"], ["--activation", "'tanh'", "softmax"]),
        (["--mode", "eager"], ["--mode", "'eager'", "graph"]),
        (["--model", "corner_networks"], ["--model", "must be MODULE:NAME"]),
        (["--model", "a b:c"], ["--model", "must be MODULE:NAME"]),
        (["--model", "corner_networks:"], ["--model", "must be MODULE:NAME"]),
        (["--frobnicate"], ["unrecognized arguments: --frobnicate"]),
        (["--num", "5"], ["unrecognized arguments: --num"]),
        (["--target", "4"], ["--target: must be in [0, 4), got 4"]),
        (["--target", "-1"], ["--target: must be in [0, 4), got -1"]),
        (["--target", "0_1"], ["--target: no class is called '0_1'"]),
        (
            ["--target", "upper lift"],
            ["--target: no class is called 'upper lift'; did you mean 'upper left'"],
        ),
        (["--target", "zzz"], ["--target: no class is called 'zzz'"]),
        (["--target", "x", "--model", "no_names:corners"], ["there is neither --class-names"]),
    ],
)
def test_a_wrong_argument_is_exit_code_2(explain, options, parts):
    fails(explain(*options), 2, *parts)


def test_missing_arguments_are_exit_code_2(cli):
    result = cli("explain")
    assert result.code == 2
    assert "the following arguments are required: IMAGE, --model, -o/--output" in result.err
    assert cli().code == 2
    assert cli("frobnicate").code == 2


def test_an_output_that_cannot_be_written_is_refused_before_the_work(explain, files):
    result = explain("--model", "corner_networks:interrupted", output="absent/out.png")
    fails(result, 2, f"--output: there is no folder {files / 'absent'}")
    fails(explain(output="out"), 2, "--output: must end in .png or another suffix")
    fails(explain(output="out.psd"), 2, "--output: must end in .png or another suffix")
    for name in ("out.xbm", "out.h5"):  # Pillow knows them, and writes no RGB picture of them
        result = explain("--model", "corner_networks:interrupted", output=name)
        fails(result, 2, "--output: cannot write", name)
        assert not (files / name).exists()
    (files / "folder.png").mkdir()
    fails(explain(output="folder.png"), 2, "--output: cannot write", "folder.png")
    fails(explain("--npy", files / "absent" / "a.npy"), 2, "--npy: there is no folder")
    fails(explain("--npy", files), 2, "--npy: cannot write")


def test_wrong_numbers_of_class_names(explain, files):
    (files / "names.txt").write_text("a\nb\n")
    fails(explain("--class-names", files / "names.txt"), 2, "holds 2 names, the network has 4")
    (files / "names.txt").write_text("a\nb\na\nc\n")
    result = explain("--class-names", files / "names.txt", "--target", "a")
    fails(result, 2, "'a' is the name of classes [0, 2]")
    result = explain(model="odd_names:corners")
    fails(result, 3, "--model: CLASS_NAMES: holds 2 names, the network has 4")


def test_class_names_that_cannot_be_read(explain, files):
    fails(explain("--class-names", files / "none.txt"), 3, "--class-names: cannot read", "No such")
    (files / "names.txt").write_bytes(b"\xff\xfe\xfa")
    fails(explain("--class-names", files / "names.txt"), 3, "is not UTF-8 text")


def test_pictures_that_cannot_be_read(explain, files):
    fails(explain(image="none.png"), 3, "IMAGE: cannot read", "none.png: No such file")
    fails(explain(image="."), 3, "IMAGE: cannot read", "Is a directory")
    (files / "text.png").write_text("no picture")
    fails(explain(image="text.png"), 3, "text.png: UnidentifiedImageError: cannot identify image")
    whole = (files / "picture.png").read_bytes()
    (files / "cut.png").write_bytes(whole[: len(whole) // 2])
    fails(explain(image="cut.png"), 3, "cannot read", "cut.png: OSError: image file is truncated")
    Image.new("I;16", (4, 4)).save(files / "deep.png")
    fails(explain(image="deep.png"), 3, "has pixels of mode I;16; save it with 8 bits")


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("nowhere:net", ["cannot import 'nowhere': ModuleNotFoundError", "'nowhere'"]),
        ("needs_absent:net", ["cannot import 'needs_absent'", "'a_module_that_is_nowhere'"]),
        ("corner_networks:absent", ["module 'corner_networks' has no 'absent'"]),
        ("corner_networks:number", ["must be a network or a function, got int"]),
        ("corner_networks:not_a_network", ["() must return a network of MindSpore or", "got dict"]),
        ("corner_networks:broken", ["broken() failed: OSError: the weights are"]),
        ("corner_networks:leaves", ["leaves() failed: SystemExit: 5"]),
        ("corner_networks:Fixed.nothing", ["module 'corner_networks' has no 'Fixed.nothing'"]),
    ],
)
def test_a_model_that_cannot_be_built_is_exit_code_3(explain, model, parts):
    fails(explain(model=model), 3, "--model: ", *parts)


def save(path, **shapes):
    mindspore.save_checkpoint(
        [
            {"name": name.replace("__", "."), "data": mindspore.Tensor(np.ones(shape, np.float32))}
            for name, shape in shapes.items()
        ],
        str(path),
    )


def test_a_checkpoint_that_does_not_fit_is_exit_code_3(explain, files):
    def refused(*parts):
        fails(explain("--ckpt", files / "odd.ckpt"), 3, "--ckpt: ", "odd.ckpt ", *parts)

    save(files / "odd.ckpt", a=(1,), b=(1,), c=(1,), d=(1,))
    refused(
        "lacks 1 (mix.weight) of the network's 1 parameters and "
        "holds 4 (a, b, c, ...) that the network does not have"
    )
    save(files / "odd.ckpt", mix__weight=(1, 5, 1, 1))
    refused("(such as mix.weight: (1, 5, 1, 1), the network's is (1, 3, 1, 1))")


def test_one_prefix_on_all_names_of_a_checkpoint_is_dropped(explain, files):
    zeros = mindspore.Tensor(np.zeros((1, 3, 1, 1), np.float32))
    name = "network._backbone.mix.weight"
    mindspore.save_checkpoint([{"name": name, "data": zeros}], str(files / "wrapped.ckpt"))
    result = explain("--ckpt", files / "wrapped.ckpt")
    assert (result.code, result.err) == (0, "")
    assert "probability  0.2500" in result.out


def test_a_prefix_does_not_hide_what_is_missing(explain, files):
    save(files / "odd.ckpt", net__mix__bias=(1, 3, 1, 1), net__more=(1,))
    result = explain("--ckpt", files / "odd.ckpt")
    fails(result, 3, "lacks 1 (mix.weight)", "holds 2 (net.mix.bias, net.more)")


def test_a_checkpoint_that_cannot_be_read_is_exit_code_3(explain, files):
    fails(explain("--ckpt", files / "none.ckpt"), 3, "none.ckpt does not exist")
    fails(explain("--ckpt", files), 3, "is a folder")
    (files / "net.pt").write_bytes(b"x")
    fails(explain("--ckpt", files / "net.pt"), 3, "must end in .ckpt or .safetensors")
    (files / "empty.ckpt").write_bytes(b"")
    fails(explain("--ckpt", files / "empty.ckpt"), 3, "empty.ckpt is empty")


def test_a_broken_checkpoint_is_exit_code_3_without_a_traceback(explain, files):
    (files / "broken.ckpt").write_bytes(b"no checkpoint" * 9)
    result = explain("--ckpt", files / "broken.ckpt")
    assert result.code == 3
    assert "Traceback" not in result.err  # MindSpore may log lines of its own before ours
    assert result.err.splitlines()[-1].startswith("fastxai explain: error: --ckpt: cannot read ")


def test_a_safetensors_checkpoint_is_loaded(explain, files):
    pytest.importorskip("safetensors")
    weight = mindspore.Parameter(np.zeros((1, 3, 1, 1), np.float32), name="mix.weight")
    mindspore.save_checkpoint(
        [{"name": "mix.weight", "data": weight}], str(files / "zeros"), format="safetensors"
    )
    result = explain("--ckpt", files / "zeros.safetensors")
    assert "probability  0.2500" in result.out


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("corner_networks:nan_scores", ["returned scores that are not finite"]),
        (
            "corner_networks:no_batch_axis",
            ["must return (M, classes) scores for M images, got shape (2, 1)"],
        ),
    ],
)
def test_a_network_with_unusable_scores_is_exit_code_4(explain, model, parts):
    fails(explain("--activation", "identity", model=model), 4, *parts)


def test_a_network_that_fails_is_exit_code_4_and_traceback_shows_where(explain):
    result = explain(model="corner_networks:gray_corners")  # one channel, fed three
    assert result.code == 4
    last = result.err.splitlines()[-1]
    assert last.startswith("fastxai explain: error: inputs has 3 channels, and network takes 1")
    assert "Traceback" not in result.err
    again = explain("--traceback", model="corner_networks:gray_corners")
    assert again.code == 4
    assert "Traceback" in again.err
    assert "corner_networks.py" in again.err


def test_an_explanation_that_fails_is_exit_code_4(explain, monkeypatch):
    import fastxai.explainer

    def fail(*arguments, **options):
        raise RuntimeError("no room\nfor anything")

    monkeypatch.setattr(fastxai.explainer, "RISE", fail)
    fails(explain(), 4, "the explanation failed: RuntimeError: no room")


def test_help_documents_the_exit_codes(cli):
    for command in ((), ("explain",), ("compare",), ("doctor",)):
        result = cli(*command, "--help")
        assert result.code == 0
        for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "130 "):
            assert re.search(rf"^  {code} +\w", result.out, re.MULTILINE), (command, code)


def test_docs_name_every_option_and_exit_code(cli):
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    options = set()
    for command in ("explain", "compare", "doctor"):
        options |= set(re.findall(r"(?<!\w)--?[a-z][a-z-]*", cli(command, "--help").out))
    absent = [option for option in sorted(options) if f"`{option}" not in text]
    assert not absent
    assert all(f"| {code} |" in text for code in (0, 1, 2, 3, 4, 130))


def test_the_module_runs_as_a_script_in_any_folder(files):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "fastxai"]
    version = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, env=environment, cwd=files
    )
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"fastxai \d+\.\d+\S*\n", version.stdout)
    (files / "mine.py").write_text((HERE / "corner_networks.py").read_text())
    options = ["--model", "mine:corners", "--num-masks", "8", "--size", "16", "-o", "out.png"]
    options += ["--engine", "mindspore"]
    result = subprocess.run(
        [*command, "explain", "picture.png", *options],
        capture_output=True,
        text=True,
        env=environment,
        cwd=files,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("class        2 (lower left)\n")
    assert (files / "out.png").exists()


@pytest.mark.parametrize("base", ["blur:2", "mean", "0.1", "0.1,0.2,0.3"])
def test_a_masked_pixel_shows_what_base_value_says(explain, base):
    assert explain("--num-masks", 64, "--base-value", base).code == 0


def test_a_base_value_of_another_kind_is_refused(explain):
    fails(explain("--base-value", "blur:0"), 2, "must be blur, blur:RADIUS with a radius up to")
    fails(explain("--base-value", "grey"), 2, "must be numbers with commas between them")
