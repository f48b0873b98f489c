"""The page and the docstrings of the adapters run, each where its package is."""

import doctest
import importlib
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, ROOT
from tools import page_code

NEEDS = {"captum": ("torch", "captum"), "quantus": ("torch",), "sklearn": ("sklearn",)}


@pytest.mark.parametrize("name", NEEDS)
def test_the_examples_of_an_adapter_run(name):
    for package in NEEDS[name]:
        pytest.importorskip(package, reason=f"{package} is not installed: make adapters-test")
    outcome = doctest.testmod(importlib.import_module(f"fastxai.adapters.{name}"))
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_page_runs_where_all_packages_are(monkeypatch, tmp_path):
    for package in ("torch", "captum", "quantus", "sklearn"):
        pytest.importorskip(package, reason=f"{package} is not installed: make adapters-test")
    monkeypatch.chdir(tmp_path)
    page_code.run(DOCS / "adapters.md")
    assert (tmp_path / "estimator.png").is_file()


def test_no_package_is_loaded_before_its_adapter():
    script = (
        "import sys, fastxai.adapters\n"
        "print({'captum', 'quantus', 'sklearn', 'torch'} & {*sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "set()\n"
