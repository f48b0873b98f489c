"""The command line run in this process, in the folder that holds the test networks."""

import sys
from pathlib import Path
from types import SimpleNamespace

import mindspore
import numpy as np
import pytest
from PIL import Image

from fastxai.cli import main

HERE = Path(__file__).resolve().parent
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
        if "occlusion" not in options and "--num-masks" not in options:
            basic += ["--num-masks", 64]
        return cli("explain", files / image, *basic, *options)

    return run
