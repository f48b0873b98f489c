"""Which class is to be explained, and what it is called."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError

TOP = "top"


def as_index(text: str) -> int | None:
    """Read a whole number; None for anything else, such as '3_8', which `int` takes for 38."""
    return int(text) if re.fullmatch(r"\s*[+-]?[0-9]+\s*", text) else None


def class_names(path: str | None, module: ModuleType) -> list[str] | None:
    """Return the names in a file (one a line), else the module's CLASS_NAMES, else None."""
    if path is not None:
        return _read(path)
    found = getattr(module, "CLASS_NAMES", None)
    if found is None:
        return None
    if isinstance(found, (list, tuple, np.ndarray)):
        return [str(name) for name in found]
    kind = type(found).__name__
    raise CliError(
        UNREADABLE_INPUT, f"--model: CLASS_NAMES of {module.__name__} must be a list, got {kind}"
    )


def check_names(
    names: Sequence[str] | None, targets: int, from_file: bool, of_score: bool = False
) -> None:
    """Refuse names that cannot be those of the network's classes, or of a score's targets."""
    if names is not None and len(names) != targets:
        source = "--class-names" if from_file else "--model: CLASS_NAMES"
        code = WRONG_ARGUMENT if from_file else UNREADABLE_INPUT
        whose = (
            f"--score has {targets} targets" if of_score else f"the network has {targets} classes"
        )
        raise CliError(code, f"{source}: holds {len(names)} names, {whose}")


def choose(targets: Sequence[str], scores: np.ndarray, names: Sequence[str] | None) -> list[int]:
    """Return the indices of the classes that 'top', an index or a name each stand for."""
    chosen: list[int] = []
    for target in targets:
        index = _choose_one(target, scores, names)
        if index in chosen:
            first = targets[chosen.index(index)]
            raise CliError(
                WRONG_ARGUMENT, f"--target: {first!r} and {target!r} are the same class, {index}"
            )
        chosen.append(index)
    return chosen


def _choose_one(target: str, scores: np.ndarray, names: Sequence[str] | None) -> int:
    if target == TOP:
        return int(scores.argmax())
    index = as_index(target)
    if index is None:
        return _by_name("--target", target, names)
    if not 0 <= index < len(scores):
        raise CliError(WRONG_ARGUMENT, f"--target: must be in [0, {len(scores)}), got {target}")
    return index


def _read(path: str) -> list[str]:
    """Names, one a line."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CliError(
            UNREADABLE_INPUT, f"--class-names: cannot read {path}: {error.strerror}"
        ) from error
    try:
        text = data.decode("utf-8-sig")  # editors on Windows put a byte order mark first
    except UnicodeDecodeError as error:
        raise _not_utf8(path, data) from error
    if "\0" in text:
        raise _not_utf8(path, data)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return [name.strip() for name in text.rstrip("\n").split("\n")]


def _not_utf8(path: str, data: bytes) -> CliError:
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    likely = " but, as it seems, UTF-16" if marked or b"\0" in data else ""
    return CliError(
        UNREADABLE_INPUT, f"--class-names: {path} is not UTF-8 text{likely}; save it as UTF-8"
    )


def class_of(option: str, text: str, names: Sequence[str] | None) -> int:
    """The index of a class that an option gives by its index or name."""
    index = as_index(text)
    return _by_name(option, text, names) if index is None else index


def _by_name(option: str, target: str, names: Sequence[str] | None) -> int:
    several = "; for several classes give --target once for each" if "," in target else ""
    if names is None:
        raise CliError(
            WRONG_ARGUMENT,
            f"{option}: {target!r} is a name, but there is neither --class-names nor CLASS_NAMES "
            f"in the model's module{several}",
        )
    places = [i for i, name in enumerate(names) if name == target]
    if len(places) > 1:
        raise CliError(
            WRONG_ARGUMENT, f"{option}: {target!r} is the name of classes {places}; give one index"
        )
    if not places:
        close = difflib.get_close_matches(target, names, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else several
        raise CliError(WRONG_ARGUMENT, f"{option}: no class is called {target!r}{hint}")
    return places[0]
