"""While ``fastxai explain`` runs: Ctrl-C, and how far it is."""

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def test_an_interrupt_is_exit_code_130(explain):
    result = explain(model="corner_networks:interrupted")
    assert result.code == 130
    assert result.err == "fastxai explain: interrupted\n"


@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_ctrl_c_while_mindspore_runs_is_exit_code_130(files, mode):
    options = ["--num-masks", "5000000", "--size", "16", "--mode", mode, "-o", files / "out.png"]
    command = [sys.executable, "-m", "fastxai", "explain", files / "picture.png", *options]
    result = subprocess.run(
        [*command, "--model", "corner_networks:interrupted_later"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=HERE,
        timeout=120,
    )
    assert (result.returncode, result.stdout) == (130, "")
    # MindSpore may log its own lines before, when it was compiling just then.
    assert result.stderr.endswith("fastxai explain: interrupted\n")
    assert not (files / "out.png").exists()


@pytest.mark.parametrize(
    ("redirection", "code", "words"),
    [
        ("| :", 141, ""),
        (
            "> /dev/full",
            2,
            "fastxai doctor: error: cannot print the report: No space left on device\n",
        ),
        (">&-", None, ""),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_report_that_nobody_takes_is_no_traceback(redirection, code, words, unbuffered):
    command = (
        f"{sys.executable} -m fastxai doctor --no-probe {redirection}; exit ${{PIPESTATUS[0]}}"
    )
    found = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        cwd=HERE,
        timeout=120,
    )
    assert (found.stderr, found.stdout) == (words, "")
    assert code in (None, found.returncode)


def test_handlers_of_the_caller_are_left_alone_and_put_back(explain):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert explain(model="corner_networks:interrupted").code == 130
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_terminal_sees_a_bar_and_it_is_wiped(monkeypatch):
    from fastxai.cli.report.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress("masks", quiet=False)
    progress(5, 10)
    progress(10, 10)
    progress.close()
    assert "masks/s" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r")
    assert re.fullmatch(r"10 masks in \d+\.\d s, .* masks/s", str(progress.work))


@pytest.mark.parametrize(("quiet", "terminal"), [(True, True), (False, False)])
def test_quiet_and_files_see_no_bar(monkeypatch, quiet, terminal):
    from fastxai.cli.report.progress import Progress

    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress("masks", quiet)
    progress(10, 10)
    progress.close()
    assert stream.getvalue() == ""
