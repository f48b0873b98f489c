"""The command line run in this process, in the folder that holds the test networks."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fastxai.cli import main

HERE = Path(__file__).resolve().parent


@pytest.fixture
def cli(monkeypatch, capsys):
    """Return a function that runs the command line: exit code, standard output and error."""
    import mindspore

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
