"""What --score names: a score of `fastxai.scores`, or a function of a module."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError, first_line
from fastxai.cli.subject.classes import class_of
from fastxai.cli.subject.module import load_module, split_model

FORMS = {
    "class": "class[:CLASS]",
    "margin": "margin[:CLASS[:OTHER]]",
    "negative": "negative[:CLASS]",
    "value": "value[:INDEX]",
    "similarity": "similarity:FILE.npy",
    "region": "region:FILE.npy:CLASS",
}
_LEAST = {"similarity": 1, "region": 2}  # parts after the name
_MOST = {"class": 1, "margin": 2, "negative": 1, "value": 1, "similarity": 1, "region": 2}
_OF_CLASSES = ("class", "margin", "negative")


def split_score(text: str) -> tuple[str, list[str]]:
    """A known name and its parts; '' and none of what a module holds.

    Raises:
        ValueError: The name takes other parts.
    """
    name, *parts = text.split(":")
    if name not in FORMS:
        return "", []
    if not _LEAST.get(name, 0) <= len(parts) <= _MOST[name] or not all(parts):
        raise ValueError(f"must be {FORMS[name]}, got {text!r}")
    return name, parts


def load_score(text: str, names: Sequence[str] | None) -> Any:
    """The score that a text names.

    Args:
        text: As --score has it.
        names: Of the network's classes.
    """
    name, parts = split_score(text)
    if not name:
        return _function(text)
    try:
        return _MAKERS[name](parts, names)
    except CliError:
        raise
    except (TypeError, ValueError) as error:
        raise CliError(WRONG_ARGUMENT, f"--score: {str(error).rstrip('.')}") from error


def names_of_targets(
    text: str, names: Sequence[str] | None, from_file: bool
) -> Sequence[str] | None:
    """Names of the columns of a score, which targets are.

    Args:
        text: As --score has it.
        names: Of the network's classes.
        from_file: They are of --class-names, and not of the network's module.
    """
    name, parts = split_score(text)
    if name in _OF_CLASSES and not parts:
        return names
    return names if from_file and name in ("", "similarity") else None


def files_of(text: str) -> list[str]:
    """The files that a score reads."""
    name, parts = split_score(text)
    return parts[:1] if name in _LEAST else []


def _function(text: str) -> Callable[[np.ndarray], Any]:
    module_name, name = split_model(text)
    module = load_module(module_name, "--score")
    try:
        found = operator.attrgetter(name)(module)
    except AttributeError as error:
        words = f"--score: module {module_name!r} has no {name!r}"
        raise CliError(UNREADABLE_INPUT, words) from error
    if not callable(found) or isinstance(found, type):
        kind = f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__
        words = f"--score: {text} must be a function of the outputs (M, ...), got {kind}"
        raise CliError(UNREADABLE_INPUT, words)
    return found


def _classes(name: str) -> Callable[[list[str], Sequence[str] | None], Any]:
    def made(parts: list[str], names: Sequence[str] | None) -> Any:
        from fastxai import scores

        return getattr(scores, name)(*(class_of("--score", part, names) for part in parts))

    return made


def _value(parts: list[str], names: Sequence[str] | None) -> Any:
    from fastxai.scores import Value

    return Value(*(class_of("--score", part, None) for part in parts))


def _similarity(parts: list[str], names: Sequence[str] | None) -> Any:
    from fastxai.scores import Similarity

    return Similarity(_array(parts[0]))


def _region(parts: list[str], names: Sequence[str] | None) -> Any:
    from fastxai.scores import MaskMean

    return MaskMean(_array(parts[0]), class_of("--score", parts[1], names))


def _array(path: str) -> np.ndarray:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        words = f"--score: cannot read {path}: {first_line(error)}"
        raise CliError(UNREADABLE_INPUT, words) from error
    if not isinstance(found, np.ndarray):
        raise CliError(UNREADABLE_INPUT, f"--score: {path} must be one array, as np.save writes it")
    return found


_MAKERS = {
    "class": _classes("ClassScore"),
    "margin": _classes("Margin"),
    "negative": _classes("NegativeClass"),
    "value": _value,
    "similarity": _similarity,
    "region": _region,
}
