"""Options that sub-commands share, and the parsing of their values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TypeVar

from fastxai.cli._classes import TOP

T = TypeVar("T")
AUTO = "auto"


def converter(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Make argparse show the message of a ValueError, which it else replaces by its own."""

    def converted(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return converted


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"must be a whole number, got {text!r}") from None


def _at_least(least: int, text: str) -> int:
    number = _whole(text)
    if number < least:
        raise ValueError(f"must be at least {least}, got {text}")
    return number


@converter
def at_least_one(text: str) -> int:
    """Read a whole number >= 1."""
    return _at_least(1, text)


@converter
def at_least_two(text: str) -> int:
    """Read a whole number >= 2."""
    return _at_least(2, text)


@converter
def ceiling(text: str) -> int:
    """Read a whole number >= 512, before which no run with 'auto' stops."""
    return _at_least(512, text)


@converter
def num_masks(text: str) -> int | str:
    """Read 'auto' or a whole number >= 2."""
    return AUTO if text.strip().lower() == AUTO else _at_least(2, text)


@converter
def correlation(text: str) -> float:
    """Read a number in (0, 1)."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text!r}") from None
    if not 0 < value < 1:
        raise ValueError(f"must be above 0 and below 1, got {text}")
    return value


@converter
def seed(text: str) -> int:
    """Read a whole number in [0, 2^63)."""
    number = _whole(text)
    if not 0 <= number < 2**63:
        raise ValueError(f"must be in [0, 2^63), got {text}")
    return number


@converter
def import_path(text: str) -> str:
    """Read 'module:name', dots allowed on both sides."""
    module, colon, name = text.partition(":")
    parts = module.split(".") + name.split(".")
    if not colon or not all(part.isidentifier() for part in parts):
        raise ValueError(f"must be MODULE:NAME, such as my_nets:resnet50, got {text!r}")
    return text


@converter
def size(text: str) -> tuple[int, int]:
    """Read 'S' or 'HxW' as (height, width)."""
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"must be S or HxW in pixels, such as 224 or 224x320, got {text!r}")
    height, width = int(parts[0]), int(parts[-1])
    if height < 1 or width < 1:
        raise ValueError(f"must be at least 1 pixel, got {text!r}")
    return height, width


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"must be numbers with commas between them, got {text!r}") from None
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"must be finite, got {text!r}")
    return numbers


@converter
def numbers(text: str) -> tuple[float, ...]:
    """Read finite numbers with commas between them."""
    return _numbers(text)


@converter
def positive_numbers(text: str) -> tuple[float, ...]:
    """Read finite numbers above 0 with commas between them."""
    values = _numbers(text)
    if min(values) <= 0:
        raise ValueError(f"must be above 0, got {text!r}")
    return values


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which network, and what its classes are called."""
    add = parser.add_argument
    add(
        "--model",
        required=True,
        type=import_path,
        metavar="MODULE:NAME",
        help="function without arguments that returns the network, or the network itself; "
        "the current folder is searched first",
    )
    add("--ckpt", metavar="FILE", help="checkpoint to load (default: as the function left it)")
    add(
        "--activation",
        choices=("softmax", "sigmoid", "identity"),
        default="softmax",
        help="from the network's output to probabilities (default: softmax)",
    )
    add(
        "--class-names",
        metavar="FILE",
        help="names of the classes, one a line (default: CLASS_NAMES of the model's module)",
    )


def add_input(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a picture becomes the network's input."""
    add = parser.add_argument
    add(
        "--size",
        type=size,
        default=(224, 224),
        metavar="S|HxW",
        help="resize the picture to this, in pixels (default: 224)",
    )
    add("--grayscale", action="store_true", help="feed the network one channel")
    add(
        "--mean",
        type=numbers,
        default=(0.0,),
        metavar="M[,M,M]",
        help="subtracted from channels in [0, 1] (default: 0); write --mean=-1 if negative",
    )
    add(
        "--std",
        type=positive_numbers,
        default=(1.0,),
        metavar="S[,S,S]",
        help="divides the channels after that (default: 1)",
    )


def add_class(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which class is explained."""
    parser.add_argument(
        "--target",
        default=TOP,
        metavar="N|NAME|top",
        help="class to explain: index, name, or the top predicted one (default: top)",
    )


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how the network is run and what is printed."""
    add = parser.add_argument
    add(
        "--mode",
        choices=("pynative", "graph"),
        default="pynative",
        help="how MindSpore runs the network (default: pynative)",
    )
    add("--quiet", action="store_true", help="print errors only")
