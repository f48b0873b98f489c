"""Messages on standard error: notes, and errors with their exit codes."""

from __future__ import annotations

import argparse
import sys

from fastxai.system.first_line import first_line

__all__ = [
    "ATTENTION",
    "EXIT_CODES",
    "FAILED",
    "INTERRUPTED",
    "NO_READER",
    "UNREADABLE_INPUT",
    "WRONG_ARGUMENT",
    "CliError",
    "MissingOptionError",
    "first_line",
    "note",
]

ATTENTION = 1
WRONG_ARGUMENT = 2
UNREADABLE_INPUT = 3
FAILED = 4
INTERRUPTED = 130
NO_READER = 141  # as of a program that SIGPIPE ends

EXIT_CODES = (
    (0, "success"),
    (ATTENTION, "doctor: something needs attention; batch: some images failed"),
    (WRONG_ARGUMENT, "an argument is wrong, or an output cannot be written"),
    (UNREADABLE_INPUT, "an input cannot be read: picture, checkpoint, module, class names"),
    (FAILED, "the network or the explanation failed"),
    (INTERRUPTED, "interrupted"),
    (NO_READER, "the program that read the report has ended, as head does"),
)


class CliError(Exception):
    """A mistake of the user or a failure, as one line with an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class MissingOptionError(CliError):
    """An explainer cannot run without an option that was not given."""

    def __init__(self, explainer: str, need: str) -> None:
        super().__init__(WRONG_ARGUMENT, f"{explainer} needs {need}")
        self.need = need


def note(arguments: argparse.Namespace, text: str, kind: str = "note") -> None:
    """Say on standard error, in one line, what the user should know; --quiet leaves it out."""
    arguments.notes.append(text)
    if not arguments.quiet:
        print(f"fastxai {arguments.command}: {kind}: {text}", file=sys.stderr)
