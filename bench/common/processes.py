"""Processes of their own: workers that answer once, and contenders that run when told to.

Both get their options as JSON. A worker prints its answer as the last line. A contender reads one
word a line and answers it with a line of JSON: while one runs, the others wait for their next word,
so what is compared takes turns as within one process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from bench.common.machine import ROOT

Environment = Mapping[str, str | None]  # variables to set, or to remove if None


def _start(
    python: str, module: str, options: Mapping[str, Any], environment: Environment, **streams: int
) -> subprocess.Popen[str]:
    variables = {"GLOG_v": "3", **os.environ, **environment}  # MindSpore's log: errors only
    return subprocess.Popen(
        [python, "-m", module, json.dumps(options, default=str)],
        cwd=ROOT,
        env={name: value for name, value in variables.items() if value is not None},
        text=True,
        stdout=subprocess.PIPE,
        **streams,
    )


def _options() -> argparse.Namespace:
    return argparse.Namespace(**json.loads(sys.argv[1]))


def ask_worker(
    module: str,
    options: Mapping[str, Any],
    environment: Environment | None = None,
    *,
    python: str = sys.executable,
) -> Any:
    """Runs `python -m module`, which calls `work`, and returns its answer.

    Raises:
        RuntimeError: It failed; why is on standard error.
    """
    process = _start(python, module, options, environment or {})
    output, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"failed, see above: {module} {dict(options)}")
    return json.loads(output.strip().splitlines()[-1])


def work(answer: Callable[[argparse.Namespace], Any]) -> None:
    """What a worker's module does: answers its options."""
    print(json.dumps(answer(_options())))


class Contender:
    """A process that was started and waits.

    Args:
        python: Program that runs it.
        module: What it runs; `serve` is called there.
        options: Its options.
        environment: Variables to set, or to remove if None.
    """

    def __init__(
        self, python: str, module: str, options: Mapping[str, Any], environment: Environment
    ) -> None:
        self._what = f"{module} {dict(options)}"
        self._process = _start(python, module, options, environment, stdin=subprocess.PIPE)

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
        with contextlib.suppress(BrokenPipeError):  # it ended first: `ask` has said so
            self._process.communicate()


class Runner(Protocol):
    """What a contender can be asked."""

    def ready(self) -> dict[str, Any]:
        """Warms up: 'setup_s', 'scores' of the picture, 'versions'."""

    def run(self) -> dict[str, Any]:
        """A whole explanation: 'seconds'."""


def serve(make: Callable[[argparse.Namespace], Runner]) -> None:
    """Answers 'ready' and 'run' until there are no more words.

    What libraries print goes to standard error from the start: standard output is for answers.

    Args:
        make: Imports what is needed and makes the contender of its options.
    """
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    runner = make(_options())
    calls = {"ready": runner.ready, "run": runner.run}
    for line in sys.stdin:
        print(json.dumps(calls[line.strip()]()), file=answers, flush=True)
