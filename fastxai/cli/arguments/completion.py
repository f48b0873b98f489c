"""Completion of commands and options by the shell, from the parsers and shtab."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from fastxai.cli.explainers import NAMES

SHELLS = ("bash", "zsh", "tcsh")
_FILES = ("FILE", "IMAGE", "SCRIPT")  # what the help calls a file


class Print(argparse.Action):
    """Prints the script for a shell and ends the program."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Prints it; without shtab this is a wrong argument."""
        try:
            import shtab
        except ImportError:
            parser.error(f"{option_string}: needs shtab: pip install 'fastxai[completion]'")
        _describe(parser, shtab.FILE)
        sys.stdout.write(shtab.complete(parser, values) + "\n")
        parser.exit()


def _describe(parser: argparse.ArgumentParser, file: Any) -> None:
    """Tell shtab which arguments are files, and the names of explainers."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _describe(command, file)
        elif action.metavar in _FILES:
            action.complete = file  # type: ignore[attr-defined]
        elif action.dest == "explainer":
            action.choices = NAMES
