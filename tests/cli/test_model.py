"""What --model may name, files of class names, and mistakes that are told of in plain words."""

import re
import subprocess
import sys

import numpy as np
import pytest

from fastxai.cli import main
from tests.cli.conftest import HERE, fails

QUICK = ("--explainer", "gradient")
CORNERS = (HERE / "corner_networks.py").read_text()


@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_a_network_from_a_file(explain, files, mode):
    (files / "nets.of.mine").mkdir()
    path = files / "nets.of.mine" / "my-corners.py"
    path.write_text(CORNERS)
    result = explain(*QUICK, "--mode", mode, model=f"{path}:corners")
    assert (result.code, result.err) == (0, "")
    assert "class        2 (lower left)" in result.out


def test_a_file_called_like_a_module_of_python(explain, files):
    (files / "json.py").write_text(CORNERS)
    result = explain(*QUICK, "--json", files / "a.json", model=f"{files}/json.py:corners")
    assert (result.code, result.err) == (0, "")
    assert sys.modules["json"].__name__ == "json"
    assert hasattr(sys.modules["json"], "dumps")


def test_a_file_of_a_package_imports_from_its_package_and_its_folder(explain, files):
    inner = files / "pack_of_nets" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("")
    (inner.parent / "base.py").write_text(CORNERS)
    (inner / "nets.py").write_text("from ..base import corners\nclass Of:\n    net = corners\n")
    result = explain(*QUICK, model=f"{inner}/nets.py:Of.net")
    assert (result.code, result.err) == (0, "")
    (files / "sibling_of_nets.py").write_text(CORNERS)
    (files / "plain_nets.py").write_text("from sibling_of_nets import corners\n")
    assert explain(*QUICK, model=f"{files}/plain_nets.py:corners").code == 0


def test_files_of_one_name_are_told_apart(explain, files):
    for folder, network in (("a", "corners"), ("b", "flat")):
        (files / folder).mkdir()
        (files / folder / "twin.py").write_text(f"{CORNERS}\nnet = {network}\n")
    assert "0.8848" in explain(*QUICK, model=f"{files}/a/twin.py:net").out
    assert "0.8848" not in explain(*QUICK, model=f"{files}/b/twin.py:net").out


@pytest.mark.parametrize(
    ("model", "code", "parts"),
    [
        ("{d}/absent.py:net", 3, ["--model: {d}/absent.py does not exist"]),
        ("{d}/folder.py:net", 3, ["--model: {d}/folder.py is a folder"]),
        ("{d}/broken.py:net", 3, ["--model: cannot import '{d}/broken.py': SyntaxError"]),
        ("{d}/broken.py", 2, ["--model", "must be MODULE:NAME or FILE.py:NAME"]),
        ("{d}/broken:net", 2, ["--model", "must be MODULE:NAME or FILE.py:NAME"]),
        ("{d}/broken.py:", 2, ["--model", "must be MODULE:NAME or FILE.py:NAME"]),
    ],
)
def test_a_file_that_cannot_be_imported(explain, files, model, code, parts):
    (files / "folder.py").mkdir()
    (files / "broken.py").write_text("def net(:\n")
    given = [part.format(d=files) for part in parts]
    fails(explain(model=model.format(d=files)), code, *given)


@pytest.mark.parametrize(
    ("name", "needed", "wrapper"),
    [
        ("needs_classes", "num_classes", "needs_classes(num_classes=...)"),
        ("NeedsTwo", "depth, width", "NeedsTwo(depth=..., width=...)"),
    ],
)
def test_a_function_that_needs_arguments_hints_at_a_wrapper(explain, name, needed, wrapper):
    result = explain(model=f"corner_networks:{name}")
    words = f"--model: corner_networks:{name} needs arguments ({needed}); name a function without"
    fails(result, 3, words, f"def network(): return {wrapper}")


def test_several_pictures(cli, files):
    options = ("--model", "corner_networks:corners", "-o", files / "out.png")
    result = cli("explain", files / "picture.png", "b.png", "c.jpg", *options)
    assert result.code == 2
    assert "IMAGE: 3 pictures are given, one is taken; run the command once for each" in result.err
    result = cli("compare", files / "picture.png", files / "picture.png", *options)
    assert "IMAGE: 2 pictures are given, one is taken" in result.err
    result = cli("explain", files / "picture.png", *options, "--target", "upper", "left")
    assert "unrecognized arguments: left; a name with spaces needs quotes" in result.err


NAMES = "Kö\nnw\nne\nsw"


@pytest.mark.parametrize("data", [NAMES.encode("utf-8-sig"), NAMES.replace("\n", "\r\n").encode()])
def test_class_names_with_a_byte_order_mark_or_from_windows(explain, files, data):
    (files / "names.txt").write_bytes(data)
    result = explain(*QUICK, "--class-names", files / "names.txt", "--target", "Kö")
    assert "class        0 (Kö)\n" in result.out


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_class_names_in_utf_16_are_an_error_that_says_so(explain, files, encoding):
    (files / "names.txt").write_bytes("a\nb\nc\nd".encode(encoding))
    result = explain("--class-names", files / "names.txt")
    fails(result, 3, "names.txt is not UTF-8 text but, as it seems, UTF-16; save it as UTF-8")


def test_none_is_for_a_network_that_returns_probabilities(explain):
    result = explain(*QUICK, "--activation", "none", model="no_names:channels")  # means in [0, 1]
    assert (result.code, result.err) == (0, "")
    assert "probability  0.6863 (none)" in result.out  # (3 · 150 + 250) / 4 / 255
    result = explain(*QUICK, "--activation", "none")
    assert result.code == 0
    words = "--activation none: the network returns scores from 4.706 to 7.843, which are no prob"
    assert result.err.startswith(f"fastxai explain: note: {words}")  # 8 · 150 / 255, 8 · 250 / 255


def test_a_softmax_of_one_class_is_refused_in_words_of_the_option(explain, files, monkeypatch):
    monkeypatch.syspath_prepend(files)
    (files / "one_class.py").write_text("from mindspore import nn\nnet = nn.Conv2d(3, 1, 1)\n")
    words = "--activation makes it 1 whatever it is", "Use --activation sigmoid, or none if the"
    fails(explain(*QUICK, model="one_class:net"), 4, *words)


EXPLAINERS = ("rise", "occlusion", "gradient", "gradcam", "guided-backprop", "deconvolution")
INSIDE = ("--network-output", "1", "--network-output", "1")


@pytest.mark.parametrize(
    ("explainer", "mode"),
    [
        *((name, "pynative") for name in EXPLAINERS),
        # Of what compiles in its own way one each.
        *((name, "graph") for name in ("rise", "gradcam", "guided-backprop")),
    ],
)
def test_scores_inside_of_what_the_network_returns(explain, files, explainer, mode):
    more = {"rise": ("--num-masks", 64), "gradcam": ("--layer", "mix")}.get(explainer, ())
    options = ("--explainer", explainer, "--mode", mode, "--npy", files / "map.npy", *more)
    result = explain(*options, *INSIDE, model="corner_networks:nested")
    assert result.code == 0, result.err
    assert re.match(r"class +2 \(lower left\)\nprobability +0\.8848 ", result.out)
    found = np.load(files / "map.npy")
    assert explain(*options, model="corner_networks:relu_corners").code == 0
    np.testing.assert_array_equal(found, np.load(files / "map.npy"))


@pytest.mark.parametrize(
    ("model", "steps", "code", "words"),
    [
        (
            "nested",
            (),
            4,
            "got a tuple of 2. Say which element they are, such as --network-output 0",
        ),
        ("nested", ("1",), 4, "got a list of 2. Say which element they are"),
        ("nested", ("7",), 2, "--network-output: must be an index of what network returns, 2 el"),
        ("nested", ("1", "5"), 2, "--network-output: must be an index of what network returns"),
        ("nested", ("logits",), 2, "--network-output: must be left out where network returns no s"),
        ("corners", ("1",), 2, "--network-output: must be left out where network returns no such"),
    ],
)
def test_scores_that_are_not_there_are_an_error(explain, model, steps, code, words):
    options = [word for step in steps for word in ("--network-output", step)]
    fails(explain(*options, model=f"corner_networks:{model}"), code, words)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_script_that_completes_in_the_shell(capsys, shell):
    pytest.importorskip("shtab")
    assert main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("explain", "compare", "--overlay-size", "guided-backprop"):
        assert word in script
    if shell == "bash":
        checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_without_shtab_the_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    words = "--print-completion: needs shtab: pip install 'fastxai[completion]'"
    assert words in capsys.readouterr().err
