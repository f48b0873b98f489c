"""``fastxai batch`` of functions and files, by scores that the user chose."""

import json

import numpy as np
import pytest
from PIL import Image

from fastxai.cli import main
from fastxai.dataset import open as open_folder
from tests.models._onnx import linear, write_linear

pytest.importorskip("pyarrow")

NETS = """
from tests.models._onnx import linear

def net(batch):
    return linear(batch)

net.identity = "linear 1"

def nameless(batch):
    return linear(batch)
"""
OPTIONS = ("--size", "8x10", "--explainer", "occlusion", "--activation", "identity", "--quiet")


@pytest.fixture
def batch(tmp_path, capsys):
    """Runs `batch` of two pictures; gives the code and the errors."""
    (tmp_path / "nets_of_batch.py").write_text(NETS)
    (tmp_path / "pictures").mkdir()
    for name in "ab":
        pixels = np.random.default_rng(ord(name)).integers(0, 256, (8, 10, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{name}.png")

    def run(model, *options):
        words = [
            "batch",
            tmp_path / "pictures",
            "--model",
            tmp_path / model,
            "-o",
            tmp_path / "out",
        ]
        return main([*map(str, words), *OPTIONS, *options]), capsys.readouterr().err

    return run


def margins(path):
    """By hand: of every class of a picture, its score less the best other one."""
    image = np.asarray(Image.open(path), np.float32).transpose(2, 0, 1)[None] / 255
    (scores,) = linear(image)
    return [scores[k] - np.delete(scores, k).max() for k in range(len(scores))]


@pytest.mark.parametrize("model", ["nets_of_batch.py:net", "net.onnx"])
def test_rows_and_manifest_are_of_the_score(batch, tmp_path, model):
    pytest.importorskip("openvino")
    write_linear(tmp_path / "net.onnx")
    assert batch(model, "--score", "margin") == (0, "")
    found = open_folder(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["settings"]["score"] == (
        "Margin(None, None)"
    )
    for row in found:
        values = margins(row["path"])
        assert row["target"] == row["predicted"] == int(np.argmax(values))
        assert row["probability"] == pytest.approx(max(values), abs=1e-4)
    assert batch(model, "--score", "margin") == (0, "")
    code, words = batch(model, "--score", "negative")
    assert code == 2
    assert "score" in words
    code, words = batch(model)
    assert code == 2
    assert "score" in words


def test_a_function_needs_a_name(batch):
    code, words = batch("nets_of_batch.py:nameless")
    assert code == 3
    assert "data sets need to know which function made the scores" in words
