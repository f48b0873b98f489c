"""The command line run in this process, in the folder that holds the test networks.

Networks of the demo: its checkpoint, and an OoDNet trained around it for some steps.
"""

import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import mindspore
import numpy as np
import pytest
from PIL import Image

from fastxai.cli import main
from fastxai.demo import CHECKPOINT, normalize

HERE = Path(__file__).resolve().parent
DEMO = CHECKPOINT.parent
QUARTERS = {
    "upper left": np.s_[:8, :12],
    "upper right": np.s_[:8, 12:],
    "lower left": np.s_[8:, :12],
    "lower right": np.s_[8:, 12:],
}


@pytest.fixture
def cli(monkeypatch, capsys):
    """Return a function that runs the command line: exit code, standard output and error."""
    mode = mindspore.get_context("mode")
    monkeypatch.chdir(HERE)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments):
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # as in a process of its own: they are its messages
            code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    yield run
    mindspore.set_context(mode=mode)


@pytest.fixture
def files(tmp_path):
    """A grey picture of 24 by 16 whose lower left quarter is brightest, and a checkpoint."""
    pixels = np.full((16, 24, 3), 150, np.uint8)
    pixels[QUARTERS["lower left"]] = 250
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    weight = mindspore.Parameter(np.ones((1, 3, 1, 1), np.float32), name="mix.weight")
    mindspore.save_checkpoint([{"name": "mix.weight", "data": weight}], str(tmp_path / "net.ckpt"))
    return tmp_path


@pytest.fixture
def explain(cli, files):
    """Run ``explain`` on the picture with few masks; options given replace or follow."""

    def run(*options, image="picture.png", model="corner_networks:corners", output="out.png"):
        basic = ["--model", model, "-o", files / output, "--size", "16x24"]
        if "--explainer" not in options and "--num-masks" not in options:
            basic += ["--num-masks", 64]
        return cli("explain", files / image, *basic, *options)

    return run


@pytest.fixture
def compare(cli, files):
    """Run ``compare`` on the picture; options given replace or follow."""

    def run(*options, image="picture.png", model="corner_networks:corners", output="out.png"):
        basic = ["--model", model, "-o", files / output, "--size", "16x24"]
        return cli("compare", files / image, *basic, *options)

    return run


def fails(result, code, *parts, command="explain"):
    """Check the exit code, and that standard error is one line that holds the parts."""
    assert result.code == code, result.err
    assert result.out == ""
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith(f"fastxai {command}: error: ")
    for part in parts:
        assert part in result.err


@pytest.fixture(scope="session")
def demo_ood_ckpt(tmp_path_factory):
    """Checkpoint of an OoDNet around the demo's network, trained for eight steps."""
    pytest.importorskip("sklearn")
    from mindspore import dataset, nn

    from examples.demo import canvas
    from fastxai.tool.cv import OoDNet
    from tests.cli.demo_networks import DemoWithFeatures

    network = DemoWithFeatures()
    mindspore.load_param_into_net(network, mindspore.load_checkpoint(str(CHECKPOINT)))
    rng, glyphs = np.random.default_rng(0), canvas.load_glyphs("train")
    pictures = [canvas.make_picture(rng, glyphs, "single") for _ in range(64)]
    images = np.stack([normalize(picture.image) for picture in pictures])
    labels = np.eye(10, dtype=np.float32)[[picture.labels[0] for picture in pictures]]
    mindspore.set_seed(0)
    ood_net = OoDNet(network, 10)
    batches = dataset.NumpySlicesDataset((images, labels), shuffle=False).batch(16)
    ood_net.train(batches, nn.SoftmaxCrossEntropyWithLogits(), epoch=2)
    path = tmp_path_factory.mktemp("ood") / "ood.ckpt"
    mindspore.save_checkpoint(ood_net, str(path))
    return path
