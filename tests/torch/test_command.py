"""`--model` of the command line names a network of PyTorch or a function."""

import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image

from fastxai.cli import main
from fastxai.torch import Occlusion

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(192, 5))

    def forward(self, images):
        return self.layers(images)

class Random(Net):
    def __init__(self):
        super().__init__()
        self.layers[3].bias.data += torch.Generator().seed() % 2**20

net = Net()

def of_arrays(batch):
    with torch.no_grad():
        return net(torch.from_numpy(batch)).numpy()

def sized(classes):
    return nn.Linear(classes, 1)

def broken(batch):
    raise KeyError(3)

number = 3
"""
BASIC = ("--size", "8x10", "--explainer", "occlusion", "--target", "2", "-o", "out.png")


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `explain` of a model of the file; gives the code, the output and the errors."""
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(pixels).save("picture.png")
    (tmp_path / "nets_of_torch.py").write_text(NETS)

    def run(name, *options):
        code = main(
            ["explain", "picture.png", "--model", f"nets_of_torch.py:{name}", *BASIC, *options]
        )
        return (code, *capsys.readouterr())

    return run


def expected():
    """The map by the class of `fastxai.torch`."""
    from nets_of_torch import net

    image = np.asarray(Image.open("picture.png"), np.float32).transpose(2, 0, 1)[None] / 255
    return Occlusion(net, "softmax")(torch.from_numpy(image), 2).numpy()[0, 0]


@pytest.mark.parametrize("name", ["net", "Net", "of_arrays"])
def test_a_network_its_class_and_a_function_give_the_map_of_the_network(command, name):
    code, _, err = command(name, "--npy", "map.npy", "--quiet")
    assert (code, err) == (0, "")
    np.testing.assert_allclose(np.load("map.npy"), expected(), atol=1e-5)


def test_the_report_says_what_scored(command):
    assert "PyTorch, float32 (it was asked for)" in command("net", "--engine", "torch")[1]
    assert "engine" not in command("of_arrays")[1]


@pytest.mark.skipif(not importlib.util.find_spec("openvino"), reason="OpenVINO is not installed")
def test_openvino_scores_where_it_agrees(command):
    assert "OpenVINO, float32 (it agrees with PyTorch to " in command("net")[1]


def test_random_weights_are_warned_of(command):
    _, _, err = command("Random")
    assert "has random weights (layers.3.bias is another one when it is built" in err
    assert "random" not in command("Net")[2]


@pytest.mark.parametrize(
    ("name", "options", "code", "words"),
    [
        ("net", ("--ckpt", "a.ckpt"), 2, "--ckpt: nets_of_torch.py:net holds its weights already"),
        ("net", ("--engine", "mindspore"), 2, "mindspore does not run nets_of_torch.py:net"),
        ("of_arrays", ("--engine", "torch"), 2, "nets_of_torch.py:of_arrays is a function"),
        ("net", ("--explainer", "gradient"), 2, "needs a network of MindSpore; rise or occlusion"),
        ("number", (), 3, "must be a network or a function, got int"),
        ("sized", (), 3, "without arguments: def network(): return sized(classes=...)"),
        ("absent", (), 3, "has no 'absent'"),
        ("broken", (), 3, "broken failed as a function of a batch (M, C, H, W): KeyError: 3. If"),
    ],
)
def test_what_is_no_model_or_does_not_fit_is_refused(command, name, options, code, words):
    found, out, err = command(name, *options)
    assert (found, out) == (code, "")
    assert words in err
    assert len([line for line in err.splitlines() if "error" in line]) == 1
