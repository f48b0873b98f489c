"""Which class is to be explained, and what it is called."""

from __future__ import annotations

import difflib
from types import ModuleType

import numpy as np

from fastxai.cli._errors import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError

TOP = "top"


def class_names(path: str | None, module: ModuleType) -> list[str] | None:
    """Return the names in a file (one a line), else the module's CLASS_NAMES, else None."""
    if path is not None:
        try:
            with open(path, encoding="utf-8") as lines:
                names = lines.read().rstrip("\n").split("\n")
        except UnicodeDecodeError as error:
            raise CliError(UNREADABLE_INPUT, f"--class-names: {path} is not UTF-8 text") from error
        except OSError as error:
            raise CliError(
                UNREADABLE_INPUT, f"--class-names: cannot read {path}: {error.strerror}"
            ) from error
        return [name.strip() for name in names]
    found = getattr(module, "CLASS_NAMES", None)
    if found is None:
        return None
    if isinstance(found, (list, tuple, np.ndarray)):
        return [str(name) for name in found]
    kind = type(found).__name__
    raise CliError(
        UNREADABLE_INPUT, f"--model: CLASS_NAMES of {module.__name__} must be a list, got {kind}"
    )


def check_names(names: list[str] | None, classes: int, from_file: bool) -> None:
    """Refuse a list of names that cannot be that of the network."""
    if names is not None and len(names) != classes:
        source = "--class-names" if from_file else "--model: CLASS_NAMES"
        code = WRONG_ARGUMENT if from_file else UNREADABLE_INPUT
        raise CliError(
            code, f"{source}: holds {len(names)} names, the network has {classes} classes"
        )


def choose(target: str, scores: np.ndarray, names: list[str] | None) -> int:
    """Return the index of the class that 'top', an index or a name stands for."""
    if target == TOP:
        return int(scores.argmax())
    try:
        index = int(target)
    except ValueError:
        return _by_name(target, names)
    if not 0 <= index < len(scores):
        raise CliError(WRONG_ARGUMENT, f"--target: must be in [0, {len(scores)}), got {target}")
    return index


def _by_name(target: str, names: list[str] | None) -> int:
    if names is None:
        raise CliError(
            WRONG_ARGUMENT,
            f"--target: {target!r} is a name, but there is neither --class-names nor CLASS_NAMES "
            "in the model's module",
        )
    places = [i for i, name in enumerate(names) if name == target]
    if len(places) > 1:
        raise CliError(
            WRONG_ARGUMENT, f"--target: {target!r} is the name of classes {places}; give one index"
        )
    if not places:
        close = difflib.get_close_matches(target, names, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise CliError(WRONG_ARGUMENT, f"--target: no class is called {target!r}{hint}")
    return places[0]
