"""``fastxai export``: a directory of explanations in the layout of another tool."""

from __future__ import annotations

import argparse
import re
from typing import Any

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line
from fastxai.cli.report.progress import Progress

_LAYOUTS = ("zarr", "virelay")
_EXAMPLES = """\
examples:
  fastxai batch pictures/ --model my_nets:resnet50 --ckpt resnet50.ckpt -o maps/
  fastxai export maps/ --to zarr -o maps.zarr
  fastxai export maps/ --to virelay -o project/"""


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add ``export`` to the sub-commands."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "export",
        help="write what batch has explained for other tools",
        description="Write the rows and maps of fastxai batch as arrays of Zarr, or as a project "
        "of ViRelAy (HDF5).",
        epilog=_EXAMPLES,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="directory that fastxai batch has written")
    add("--to", required=True, choices=_LAYOUTS, help="layout")
    add("-o", "--output", required=True, metavar="FOLDER", help="folder to make")
    add("--quiet", action="store_true", help="print errors only")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Read the rows, write the folder, print what was written."""
    from fastxai.dataset import open as open_explanations

    progress = Progress("rows", arguments.quiet)
    try:
        found = open_explanations(arguments.folder)
        write = {"zarr": found.to_zarr, "virelay": found.to_virelay}[arguments.to]
        number = write(arguments.output, progress=progress)
    except ImportError as error:
        raise CliError(WRONG_ARGUMENT, str(error)) from error
    except FileExistsError as error:
        words = f"--output: {arguments.output} is there already; name a folder that is not"
        raise CliError(WRONG_ARGUMENT, words) from error
    except ValueError as error:
        words = re.sub(r"^\w+: ", "", str(error))
        raise CliError(UNREADABLE_INPUT, f"FOLDER: {words}") from error
    except OSError as error:
        place = error.filename or arguments.output
        words = f"--output: cannot write {place}: {error.strerror or first_line(error)}"
        raise CliError(WRONG_ARGUMENT, words) from error
    finally:
        progress.close()
    if not arguments.quiet:
        print(f"{number} rows in {arguments.output}")
    return 0
