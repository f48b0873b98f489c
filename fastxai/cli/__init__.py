"""The command line: ``fastxai`` and ``python -m fastxai``.

    arguments -> subject (picture, network, classes) -> explainers -> report

A sub-command is a module with ``add_parser(commands)``, which makes its parser and sets ``run``, a
function from the parsed arguments to an exit code. `_COMMANDS` lists them in the order of --help.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fastxai._version import __version__
from fastxai.cli import batch, compare, demo, doctor, explain, export, report_command, run
from fastxai.cli.arguments import completion
from fastxai.cli.messages import EXIT_CODES, INTERRUPTED, NO_READER, WRONG_ARGUMENT, CliError
from fastxai.network.interrupt import interruptible

_COMMANDS = (demo, explain, compare, batch, report_command, export, run, doctor)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage text before them."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; None takes those of the process.

    Returns:
        The exit code: 0 success, 1 `doctor` found something or images of a batch failed, 2 wrong
        argument, 3 input cannot be read, 4 the network or the explanation failed, 130 interrupted,
        141 nobody reads the report.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.cli import main
        >>> main(["explain"])  # prints to standard error what is missing
        2
    """
    try:
        arguments, unknown = _parser().parse_known_args(argv)
        if unknown:
            arguments.parser.error(_unrecognized(arguments, unknown))
    except SystemExit as stop:  # argparse's way to end --help, --version and every error
        return stop.code if isinstance(stop.code, int) else 2
    arguments.argv = list(sys.argv[1:] if argv is None else argv)
    arguments.notes = []  # what was said on the way, for a report
    try:
        with interruptible():
            code = int(arguments.run(arguments))
            if sys.stdout is not None and arguments.run is not run.run:
                sys.stdout.flush()
            return code
    except OSError as error:
        if arguments.run is run.run or error.filename is not None:
            raise  # the script's own, or a file's: what is printed has no name
        return _not_printed(arguments, error)
    except CliError as error:
        if arguments.traceback and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(f"fastxai {arguments.command}: error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print(f"fastxai {arguments.command}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _not_printed(arguments: argparse.Namespace, error: OSError) -> int:
    """Say, if there is anybody to say it to, that the report cannot be printed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # else Python tries once more when it ends
    os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return NO_READER
    words = f"cannot print the report: {error.strerror or error}"
    print(f"fastxai {arguments.command}: error: {words}", file=sys.stderr)
    return WRONG_ARGUMENT


def _unrecognized(arguments: argparse.Namespace, unknown: list[str]) -> str:
    """Advice about arguments that no option takes."""
    words = f"unrecognized arguments: {' '.join(unknown)}"
    if not hasattr(arguments, "image") or any(word.startswith("-") for word in unknown):
        return words
    if all(os.path.exists(word) or Path(word).suffix for word in unknown):
        return (
            f"IMAGE: {len(unknown) + 1} pictures are given, one is taken; run the command once for "
            "each of them, with an --output of its own"
        )
    return f"{words}; a name with spaces needs quotes, a further class a --target of its own"


def _parser() -> argparse.ArgumentParser:
    epilog = "exit codes:\n" + "\n".join(f"  {code:<4} {text}" for code, text in EXIT_CODES)
    parser = _Parser(
        prog="fastxai",
        description="Explain what an image classifier looks at.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"fastxai {__version__}")
    parser.add_argument(
        "--print-completion",
        action=completion.Print,
        choices=completion.SHELLS,
        help="print a script that completes commands and options in this shell; needs shtab",
    )
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    for command in _COMMANDS:
        added = command.add_parser(commands)
        added.set_defaults(parser=added)
        added.epilog = f"{added.epilog}\n\n{epilog}" if added.epilog else epilog
        added.formatter_class = argparse.RawDescriptionHelpFormatter
        added.add_argument(
            "--traceback", action="store_true", help="show Python's traceback of an error"
        )
    return parser
