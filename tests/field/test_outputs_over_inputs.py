"""No file that is written may be one that is read, or another that is written."""

import json
import os
import resource
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import cli, compare, explain, fails, files  # noqa: F401

NEVER_RUN = "corner_networks:interrupted"  # exit code 130 if it is


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def full(files):  # noqa: F811
    """A folder with every input, links to them and a folder that is a link to this one."""
    (files / "names.txt").write_text("a\nb\nc\nd\n")
    (files / "ood.ckpt").write_bytes(b"x")
    (files / "net.py").write_text("def net():\n    raise KeyboardInterrupt\n")
    os.symlink("picture.png", files / "soft.png")
    os.link(files / "picture.png", files / "hard.png")
    os.link(files / "net.ckpt", files / "hard.npy")
    os.symlink("later.png", files / "dangling.png")
    os.symlink(files, files / "again")
    return files


@pytest.mark.parametrize(
    ("output", "options", "words"),
    [
        ("picture.png", [], "--output: {d}/picture.png is the input IMAGE"),
        ("../{n}/./picture.png", [], "is the input IMAGE"),
        ("again/picture.png", [], "is the input IMAGE"),
        ("soft.png", [], "is the input IMAGE"),
        ("hard.png", [], "is the input IMAGE"),
        ("out.png", ["--npy", "{d}/picture.png"], "--npy: {d}/picture.png is the input IMAGE"),
        ("out.png", ["--npy", "{d}/net.ckpt", "--ckpt", "{d}/net.ckpt"], "is the input --ckpt"),
        ("out.png", ["--npy", "{d}/hard.npy", "--ckpt", "{d}/net.ckpt"], "is the input --ckpt"),
        ("out.png", ["--state", "{d}/net.ckpt", "--ckpt", "{d}/net.ckpt"], "--state: {d}/net.ckp"),
        ("out.png", ["--json", "{d}/net.ckpt", "--ckpt", "{d}/net.ckpt"], "--json: {d}/net.ckpt"),
        (
            "out.png",
            ["--npy", "{d}/names.txt", "--class-names", "{d}/again/names.txt"],
            "is the input --class-names",
        ),
        (
            "out.png",
            ["--explainer", "riseplus", "--npy", "{d}/ood.ckpt", "--ood-ckpt", "{d}/ood.ckpt"],
            "--npy: {d}/ood.ckpt is the input --ood-ckpt",
        ),
        (
            "out.png",
            ["--npy", "{d}/net.py", "--model", "{d}/net.py:net"],
            "is a source file of the",
        ),
        ("out.png", ["--json", "corner_networks.py"], "is a source file of the network"),
        ("out.png", ["--npy", "{d}/out.png"], "--npy: {d}/out.png is the file of --output too"),
        ("out.png", ["--npy", "{d}/again/out.png"], "is the file of --output too"),
        ("later.png", ["--npy", "{d}/dangling.png"], "is the file of --output too"),
        (
            "out.png",
            ["--npy", "{d}/x", "--state", "{d}/./x"],
            "--state: {d}/./x is the file of --n",
        ),
        ("out.png", ["--npy", "{d}/x", "--json", "{d}/x"], "is the file of --npy too"),
        ("out.png", ["--npy", ""], "--npy: must name a file, got ''"),
        ("out.png", ["--npy", "{d}/x/"], "--npy: must name a file, got '{d}/x/'"),
        ("out.png", ["--npy", "{d}/again"], "--npy: cannot write {d}/again, which is a folder"),
    ],
)
def test_refused_before_anything_runs(explain, full, output, options, words):  # noqa: F811
    before = contents(full)
    here = {"d": full, "n": full.name}
    given = [option.format(**here) for option in options]
    result = explain("--model", NEVER_RUN, *given, output=output.format(**here))
    fails(result, 2, words.format(**here))
    assert contents(full) == before


def test_refused_in_compare_too(compare, full):  # noqa: F811
    before = contents(full)
    for output, options, words in (
        ("hard.png", [], "is the input IMAGE"),
        ("out.png", ["--json", full / "out.png"], "--json: "),
        ("out.png", ["--json", full / "net.ckpt", "--ckpt", full / "net.ckpt"], "input --ckpt"),
    ):
        result = compare("--model", NEVER_RUN, *options, output=output)
        fails(result, 2, words, command="compare")
    assert contents(full) == before


def test_a_module_that_the_model_imports_is_not_overwritten(explain, files):  # noqa: F811
    (files / "layers_of_mine.py").write_text("from corner_networks import corners\n")
    (files / "mine_too.py").write_text("from layers_of_mine import corners\n")
    before = contents(files)
    result = explain("--npy", files / "layers_of_mine.py", model=f"{files}/mine_too.py:corners")
    fails(result, 2, "--npy: ", "layers_of_mine.py is a source file of the network")
    assert (files / "layers_of_mine.py").read_bytes() == before["layers_of_mine.py"]
    assert not (files / "out.png").exists()


def test_existing_outputs_are_replaced(explain, files):  # noqa: F811
    shutil.copy(files / "picture.png", files / "out.png")
    (files / "map.npy").write_bytes(b"old")
    os.symlink("map.npy", files / "link.npy")
    result = explain("--explainer", "gradient", "--npy", files / "link.npy")
    assert (result.code, result.err) == (0, "")
    assert os.path.islink(files / "link.npy")
    assert np.load(files / "map.npy").shape == (16, 24)
    assert (files / "out.png").read_bytes() != (files / "picture.png").read_bytes()


def test_a_pipe_is_written_to_as_it_is(explain, files):  # noqa: F811
    # No device of the system's: a fault here would replace it, where the tests are run by root.
    os.mkfifo(files / "named")
    named = os.open(files / "named", os.O_RDWR)  # a reader, so that the writer need not wait
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as end:
        options = ("--npy", f"/dev/fd/{writing}", "--json", files / "named")
        result = explain("--explainer", "gradient", *options)
        os.close(writing)
        content = end.read()
    assert (result.code, result.err) == (0, "")
    assert len(content) == 128 + 16 * 24 * 4  # NumPy's header and the floats
    assert (files / "named").is_fifo()
    assert json.loads(os.read(named, 2**16))["command"] == "explain"
    os.close(named)


@pytest.mark.parametrize("fails_on", ["--npy", "--json"])
def test_a_disk_full_at_a_later_output_leaves_the_earlier_ones(explain, files, fails_on):  # noqa: F811
    (files / "out.png").write_bytes(b"an old good picture")
    limit = 1000  # bytes a file: the picture is smaller, the array of 16 by 24 floats and JSON not
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    names = sorted(contents(files))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        result = explain("--explainer", "gradient", fails_on, files / "later")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    fails(result, 2, f"{fails_on}: cannot write {files / 'later'}: File too large")
    assert (files / "out.png").read_bytes() == b"an old good picture"
    assert sorted(contents(files)) == names


def test_a_picture_too_large_for_its_format_is_an_error_of_the_option(explain, files):  # noqa: F811
    Image.new("RGB", (70000, 2)).save(files / "wide.png")
    result = explain("--explainer", "gradient", image="wide.png", output="wide.jpg")
    fails(result, 2, f"--output: cannot write {files / 'wide.jpg'}: ")
    assert not (files / "wide.jpg").exists()
