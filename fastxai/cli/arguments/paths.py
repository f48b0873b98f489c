"""No output may be an input or another output."""

from __future__ import annotations

import argparse
import os
import sys

from fastxai.cli.messages import WRONG_ARGUMENT, CliError
from fastxai.cli.subject.module import sources_of, split_model
from fastxai.cli.subject.score import files_of

STANDARD_OUTPUT = "-"
_OUTPUTS = ("output", "npy", "json", "report", "state")
_INPUTS = ("image", "ckpt", "ood_ckpt", "class_names")


def check_paths(arguments: argparse.Namespace) -> None:
    """Refuse outputs that would replace an input or each other, or that cannot be made."""
    inputs = [
        ("IMAGE" if name == "image" else _flag(name), getattr(arguments, name))
        for name in _INPUTS
        if getattr(arguments, name) is not None
    ]
    module, _ = split_model(arguments.model)
    inputs += [("--model", path) for path in sources_of(module)]
    if (score := getattr(arguments, "score", None)) is not None:
        inputs += [("--score", path) for path in files_of(score)]
    seen: list[tuple[str, str]] = []
    for flag, path in outputs_of(arguments):
        if not os.path.basename(path):
            raise CliError(WRONG_ARGUMENT, f"{flag}: must name a file, got {path!r}")
        for other, taken in inputs:
            if _is_same(path, taken):
                raise _would_overwrite(flag, path, other)
        for other, taken in seen:
            if _is_same(path, taken):
                raise CliError(WRONG_ARGUMENT, f"{flag}: {path} is the file of {other} too")
        _check_file(flag, path)
        seen.append((flag, path))


def check_modules(arguments: argparse.Namespace) -> None:
    """Refuse outputs that are source files of what has been imported."""
    kept = {}
    for flag, path in outputs_of(arguments):
        if os.path.exists(path):
            status = os.stat(path)
            kept[status.st_dev, status.st_ino] = flag, path
    if not kept:
        return
    for module in list(sys.modules.values()):
        source = getattr(module, "__file__", None)
        if isinstance(source, str) and os.path.exists(source):
            status = os.stat(source)
            if found := kept.get((status.st_dev, status.st_ino)):
                raise _would_overwrite(*found, "--model")


def outputs_of(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """The options that name files to write, with the files."""
    named = ((name, getattr(arguments, name, None)) for name in _OUTPUTS)
    return [
        (_flag(name), path)
        for name, path in named
        if path is not None and not (name == "json" and path == STANDARD_OUTPUT)
    ]


def _would_overwrite(flag: str, path: str, other: str) -> CliError:
    what = "a source file of the network" if other == "--model" else "the input"
    name = "" if other == "--model" else f" {other}"
    return CliError(WRONG_ARGUMENT, f"{flag}: {path} is {what}{name}, it would be overwritten")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _is_same(first: str, second: str) -> bool:
    """Whether two paths lead to one file, by links or other spellings too."""
    if os.path.exists(first) and os.path.exists(second):
        return os.path.samefile(first, second)
    first, second = os.path.realpath(first), os.path.realpath(second)
    if first == second:
        return True
    same_letters = first.casefold() == second.casefold()
    return same_letters and _ignores_case(os.path.dirname(first))


def _ignores_case(folder: str) -> bool:
    """Whether the file system that holds a folder takes 'a' and 'A' for the same."""
    swapped = folder.swapcase()
    return swapped != folder and os.path.exists(swapped) and os.path.samefile(swapped, folder)


def _check_file(option: str, path: str) -> None:
    """Refuse a file that cannot be made."""
    target = os.path.realpath(path)
    needed = [os.path.dirname(target), target]
    if os.path.exists(path) and not os.path.isfile(path):
        if os.path.isdir(path):
            raise CliError(WRONG_ARGUMENT, f"{option}: cannot write {path}, which is a folder")
        needed = [path]  # a device or a pipe is written to as it is
    elif not os.path.isdir(needed[0]):
        raise CliError(WRONG_ARGUMENT, f"{option}: there is no folder {needed[0]}")
    for place in needed:
        if os.path.exists(place) and not os.access(place, os.W_OK):
            raise CliError(WRONG_ARGUMENT, f"{option}: cannot write {path}: no permission")
