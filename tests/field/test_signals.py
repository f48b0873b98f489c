"""SIGINT after a run: the caller's handler, or a KeyboardInterrupt, and never MindSpore's end."""

import subprocess
import sys

import pytest

from fastxai import ops


@pytest.mark.skipif(not ops.has_native(), reason="needs the native module")
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_sigint_after_a_run_goes_where_it_went_before(mode):
    command = [sys.executable, "-m", "tests.field._after_a_run", mode]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert run.stdout.splitlines() == [
        "rise own handler",
        "rise KeyboardInterrupt",
        "gradient own handler",
        "gradient KeyboardInterrupt",
    ]
    assert run.returncode == 0
