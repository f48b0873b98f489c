"""``fastxai run``: a script written for mindspore_xai, on fastxai."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError
from fastxai.compat import install, restore_mindspore


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Adds the parser of the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        allow_abbrev=False,
        help="run a script written for mindspore_xai on fastxai",
        description=(
            "Run a Python script whose `import mindspore_xai` finds fastxai, and whose imports of "
            "what MindSpore 2.x dropped (mindspore.dataset.vision.c_transforms, ...) work."
        ),
    )
    parser.add_argument("script", metavar="SCRIPT", type=Path, help="Python file")
    parser.add_argument(
        "arguments", metavar="...", nargs=argparse.REMAINDER, help="arguments of the script"
    )
    parser.set_defaults(run=run)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Runs the script as Python would: its folder comes first in the module path."""
    script: Path = arguments.script
    if not script.is_file():
        raise CliError(UNREADABLE_INPUT, f"there is no file {script}")
    try:
        install()
        restore_mindspore()
    except (ImportError, RuntimeError) as error:
        raise CliError(WRONG_ARGUMENT, str(error)) from error
    saved_argv, saved_path = sys.argv, sys.path
    sys.argv = [str(script), *arguments.arguments]
    sys.path = [str(script.resolve().parent), *sys.path[1:]]
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path = saved_argv, saved_path
    return 0
