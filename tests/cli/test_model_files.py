"""--model takes ONNX files."""

import re
from pathlib import Path

import numpy as np
import pytest

from fastxai.models import Occlusion
from tests.cli.conftest import fails
from tests.models._onnx import linear, write_linear

pytest.importorskip("openvino")
SIZE = ("--size", "8x10")


@pytest.fixture
def net(tmp_path):
    """An ONNX file of the linear network."""
    return str(write_linear(tmp_path / "net.onnx"))


def picture_as_input(files):
    """The picture as the command feeds it."""
    from fastxai.dataset.picture import Frame, load_picture, to_input

    picture = load_picture(str(files / "picture.png"), Frame((8, 10)), False, 10**6)
    return to_input(picture.seen, (0.0,), (1.0,), False)


def test_a_file_is_explained(explain, files, net):
    npy = files / "map.npy"
    options = ("--explainer", "occlusion", "--target", "2", "--npy", npy, *SIZE)
    result = explain(*options, model=net)
    assert (result.code, result.err) == (0, "")
    expected = Occlusion(linear, "softmax")(picture_as_input(files), 2)[0, 0]
    np.testing.assert_allclose(np.load(npy), expected, atol=1e-5)
    assert Path(files / "out.png").is_file()


def test_rise_of_a_file_says_the_top_class(explain, files, net):
    top = int(linear(picture_as_input(files))[0].argmax())
    result = explain(*SIZE, model=net)
    assert (result.code, result.err) == (0, "")
    assert re.search(rf"class +{top}\b", result.out)


def test_what_a_file_cannot_have_is_refused(explain, files, net, tmp_path):
    fails(explain("--explainer", "gradient", *SIZE, model=net), 2, "rise or occlusion explain")
    fails(explain("--engine", "mindspore", *SIZE, model=net), 2, "--engine: mindspore does not")
    fails(explain("--ckpt", "a.ckpt", *SIZE, model=net), 2, "--ckpt", "weights already")
    fails(explain(*SIZE, model=str(tmp_path / "absent.onnx")), 3, "--model", "does not exist")
    fails(explain(*SIZE, "--npy", net, model=net), 2, "would be overwritten")
    fails(explain(model=net), 4, "takes images (C, H, W) of (3, 8, 10)")


def test_masks_may_be_whole_patches(explain, files, net):
    npy = files / "map.npy"
    result = explain("--grid", "patch:4x5", "--num-masks", "600", "--npy", npy, *SIZE, model=net)
    assert (result.code, result.err) == (0, "")
    patches = np.load(npy).reshape(2, 4, 2, 5)
    np.testing.assert_array_equal(patches, patches[:, :1, :, :1] + np.zeros_like(patches))
    fails(
        explain("--grid", "patch:3", *SIZE, model=net), 4, "whole patches of 3x3 pixels, got 8x10"
    )
    window = ("--explainer", "occlusion", "--window", "patch:4x5")
    assert explain(*window, "--npy", npy, *SIZE, model=net).code == 0
    patches = np.load(npy).reshape(2, 4, 2, 5)
    np.testing.assert_array_equal(patches, patches[:, :1, :, :1] + np.zeros_like(patches))
    fails(explain("--grid", "tile", *SIZE, model=net), 2, "--grid", "must be 'patch'")
    fails(explain("--grid", "patch", *SIZE, model=net), 4, "does not show how it cuts images")
