"""Ctrl-C and SIGTERM in the middle of a run."""

import signal
import subprocess
import sys
import threading

import pytest

from fastxai import ops
from fastxai.network.interrupt import interruptible


def interrupted(mode: str, number: signal.Signals) -> tuple[int, str]:
    """Sends a signal to a process some batches into a run; its return code and what it printed."""
    command = [sys.executable, "-m", "tests.network._long_run", mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(5):
            assert process.stdout.readline().strip().isdigit()
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    return process.returncode, output.splitlines()[-1] if output else ""


@pytest.mark.skipif(not ops.has_native(), reason="needs the native module")
@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_ctrl_c_raises_keyboard_interrupt_and_the_explainer_works_on(mode):
    assert interrupted(mode, signal.SIGINT) == (0, "interrupted (1, 1, 224, 224)")


@pytest.mark.parametrize("mode", ["pynative", "graph"])
def test_sigterm_from_elsewhere_still_ends_the_process(mode):
    code, last = interrupted(mode, signal.SIGTERM)
    assert code == -signal.SIGTERM
    assert "interrupted" not in last


def test_handlers_are_given_back():
    def mine(number, frame):
        pass

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGTERM) is not mine or not ops.has_native()
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_than_the_main_one_handles_no_signals():
    seen = []

    def body():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_tests_can_be_interrupted_in_a_background_job():
    """A shell starts one with Ctrl-C ignored; tests/conftest.py puts the handler back."""
    code = "import signal, tests.conftest; signal.raise_signal(signal.SIGINT)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
