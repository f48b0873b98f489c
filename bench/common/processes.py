"""Contenders in processes and environments of their own that run when they are told to.

The parent writes a word per line to a process and reads an answer per line, JSON. While one runs,
the others wait for their next word, so what is compared takes turns as within one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bench.common.machine import ROOT


def run_worker(
    module: str,
    arguments: Sequence[str],
    environment: Mapping[str, str | None] | None = None,
    *,
    python: str = sys.executable,
) -> Any:
    """Runs `python -m module` in a process of its own; its last line of output is JSON.

    Args:
        module: What to run.
        arguments: Its arguments.
        environment: Variables to set, or to remove if None.
        python: Program that runs it.

    Raises:
        RuntimeError: It failed; why is on standard error.
    """
    variables = {"GLOG_v": "3", **os.environ}  # MindSpore's log: errors only
    for name, value in (environment or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    done = subprocess.run(
        [python, "-m", module, *arguments],
        env=variables,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"failed, see above: {module} {' '.join(arguments)}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Contender:
    """A process that was started and waits.

    Args:
        python: Program that runs it.
        module: What it runs; `serve` is called there.
        arguments: Its arguments.
        environment: Variables to set, or to remove if None.
    """

    def __init__(
        self,
        python: str,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        variables = {"GLOG_v": "3", **os.environ}  # MindSpore's log: errors only
        for name, value in (environment or {}).items():
            variables.pop(name, None)
            if value is not None:
                variables[name] = value
        self._what = f"{module} {' '.join(arguments)}"
        self._process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, word: str) -> Any:
        """Says a word and waits for the answer.

        Raises:
            RuntimeError: The process ended; why is on standard error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise RuntimeError(f"failed, see above: {self._what}")
        return json.loads(answer)

    def close(self) -> None:
        """Lets the process end, and waits for that."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended first: `ask` has said so
                self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Runner(Protocol):
    """What a contender can be asked."""

    def ready(self) -> dict[str, Any]:
        """Warms up: 'setup_s', 'scores' of the picture, 'versions'."""

    def run(self) -> dict[str, Any]:
        """A whole explanation: 'seconds'."""


def serve(make: Callable[[], Runner]) -> None:
    """Answers 'ready' and 'run' until there are no more words.

    What libraries print goes to standard error from the start: standard output is for answers.

    Args:
        make: Imports what is needed and makes the contender.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    runner = make()
    calls = {"ready": runner.ready, "run": runner.run}
    for line in sys.stdin:
        print(json.dumps(calls[line.strip()]()), file=answers, flush=True)
