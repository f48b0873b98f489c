"""Processes forked from one that has worked: they work, or say at once why not."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 240  # after which a process that waits for ever is killed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def forking(*case):
    """What a case of `_forking.py` prints: first word to the rest of the line."""
    script = str(Path(__file__).with_name("_forking.py"))
    done = subprocess.run(
        [sys.executable, script, *case],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.partition(" ")[::2] for line in done.stdout.splitlines())


def test_operators_work_in_children_with_one_thread():
    assert forking("operators") == {
        "child": "True",
        "grandchild": "True",
        "pool": "True",
        "thread": "True",
        "threads": "2 1",
        "parent": "True",
    }


def test_explainers_work_in_children_of_a_process_that_ran_nothing():
    assert forking("unused") == {"same": "True"}


def check_refused(words):
    """The error that names the remedy."""
    assert words.startswith("RuntimeError ")
    assert "MindSpore does not survive" in words
    assert "multiprocessing.set_start_method('spawn')" in words


def test_explainers_refuse_children_of_a_process_that_ran_mindspore():
    said = forking("used")
    for name in ("RISE", "Occlusion", "Gradient", "GradCAM", "metric", "grandchild"):
        check_refused(said[name])
    assert (said["operators"], said["parent"]) == ("True", "True")
    assert said["Gradient"].startswith("RuntimeError Gradient: ")
    assert said["metric"].startswith("RuntimeError ClassSensitivity: ")


def test_explainers_on_engines_refuse_them_too():
    if importlib.util.find_spec("openvino") is None:
        pytest.skip("OpenVINO is not installed")
    said = forking("used", "openvino")
    check_refused(said["RISE"])
    assert (said["operators"], said["parent"]) == ("True", "True")


def test_mindspore_may_have_been_run_by_others():
    check_refused(forking("without_fastxai")["RISE"])


def test_nothing_stays_locked_or_switched_in_a_child():
    assert forking("while_others_work") == {
        "child": "True",
        "parent": "False",
        "afterwards": "True",
    }
