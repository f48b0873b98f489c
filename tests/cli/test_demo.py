"""``fastxai demo`` in a folder that holds nothing of fastxai's."""

import re

import numpy as np
import pytest
from PIL import Image

from fastxai.demo import CHECKPOINT, samples
from tests.cli.conftest import fails


@pytest.fixture
def demo(cli, tmp_path, monkeypatch):
    """Run ``demo`` there, with few masks unless options say otherwise."""
    monkeypatch.chdir(tmp_path)

    def run(*options):
        few = () if "--num-masks" in options else ("--num-masks", 128)
        return cli("demo", *few, *options)

    return run


def test_it_writes_the_picture_and_says_where_the_energy_is(demo, tmp_path):
    result = demo()
    assert (result.code, result.err) == (0, "")
    for digit in ("three", "eight"):
        line = re.search(
            rf"^{digit} +p = 0\.\d+; .* this digit (\d+)%, .* (\d+)%$", result.out, re.M
        )
        assert int(line[1]) > 3 * int(line[2])
    assert result.out.splitlines()[-1] == "written      demo.png"
    with Image.open(tmp_path / "demo.png") as sheet:
        assert sheet.size == (3 * 96 * 3, 96 * 3 + 24)
    assert [path.name for path in tmp_path.iterdir()] == ["demo.png"]


@pytest.mark.parametrize("name", ["7_and_2", "7_and_2.png"])
def test_another_picture_under_another_name(demo, tmp_path, name):
    result = demo("--picture", name, "-o", tmp_path / "seven.jpg", "--seed", 5)
    assert result.code == 0
    assert re.search(r"^seven .*\ntwo ", result.out, re.M)
    with Image.open(tmp_path / "seven.jpg") as sheet:
        assert sheet.format == "JPEG"


def test_the_same_seed_gives_the_same_picture(demo, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert demo("-o", f"{name}.png", "--seed", seed).code == 0
    pixels = [np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "abc"]
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] != pixels[2]).any()


def test_quiet_prints_nothing(demo):
    result = demo("--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_its_files_serve_the_other_commands(demo, cli, tmp_path):
    result = demo("--files", "new/files")
    assert result.code == 0
    files = {path.name: path for path in (tmp_path / "new/files").iterdir()}
    sources = {path.name: path for path in (CHECKPOINT, *(s.path for s in samples().values()))}
    assert {n: p.read_bytes() for n, p in files.items()} == {
        n: p.read_bytes() for n, p in sources.items()
    }
    assert len(re.findall("^written", result.out, re.M)) == 6
    again = demo("--files", "new/files")
    assert again.code == 0
    explained = cli(
        *("explain", files["3_and_8.png"], "--model", "fastxai.demo:DemoNet", "--ckpt"),
        *(files["demo_net.ckpt"], "--explainer", "gradient", "--target", "eight", "--size", 96),
        *("--mean", 0.5, "--std", 0.25, "-o", tmp_path / "eight.png"),
    )
    assert (explained.code, explained.err) == (0, "")
    assert (tmp_path / "eight.png").exists()


def test_a_file_of_the_user_is_not_overwritten(demo, tmp_path):
    (tmp_path / "3_and_8.png").write_text("mine")
    fails(demo("--files", "."), 2, "--files: 3_and_8.png is another file", command="demo")
    assert (tmp_path / "3_and_8.png").read_text() == "mine"
    assert not (tmp_path / "demo.png").exists()


def test_output_and_files_may_not_be_one(demo):
    result = demo("--files", ".", "-o", "6_and_5.png")
    fails(result, 2, "--output: 6_and_5.png is where --files puts", command="demo")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--picture", "cat"], "--picture: must be one of 3_and_8, 4_and_0, 7_and_2, 6_and_5"),
        (["-o", "demo"], "--output: must end in .png"),
        (["-o", "nowhere/demo.png"], "--output: "),
        (["--num-masks", "1"], "--num-masks: must be in [2, "),
        (["--seed", "-1"], "--seed: must be in [0, 18446744073709551615]"),
    ],
)
def test_refuses(demo, options, words):
    fails(demo(*options), 2, words, command="demo")
