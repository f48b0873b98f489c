"""Options that sub-commands share, and the parsing of their values."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from fastxai.cli import _module
from fastxai.cli._classes import TOP, as_index
from fastxai.cli._errors import WRONG_ARGUMENT, CliError
from fastxai.cli._picture import MAX_PIXELS, Frame

T = TypeVar("T")
AUTO = "auto"
ACTIVATIONS = ("softmax", "sigmoid", "none", "identity")
_SIZE = (224, 224)
_LARGEST, _SMALLEST = 3.4028235e38, 1.1754944e-38  # of float32, which the channels are in


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


def output_step(text: str) -> int | str:
    """Read an index, or else a key."""
    found = as_index(text)
    return text if found is None else found


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
def percentile(text: str) -> float:
    """Read a number in (0, 100]."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text!r}") from None
    if not 0 < value <= 100:
        raise ValueError(f"must be above 0 and at most 100, got {text}")
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
    """Read 'module:name', dots allowed on both sides, or 'path/to/file.py:name'."""
    module, name = _module.split(text)
    parts = name.split(".")
    if not module.endswith(_module.FILE_SUFFIX):
        parts += module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(
            "must be MODULE:NAME or FILE.py:NAME, such as my_nets:resnet50 or "
            f"nets/resnet.py:resnet50, got {text!r}"
        )
    return text


@converter
def size(text: str) -> tuple[int, int]:
    """Read 'S' or 'HxW' as (height, width)."""
    numbers = _sides(text)
    return numbers[0], numbers[-1]


@converter
def sides(text: str) -> tuple[int, ...]:
    """Read 'S' as (S,) or 'HxW' as (height, width)."""
    return _sides(text)


def _sides(text: str) -> tuple[int, ...]:
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"must be S or HxW in pixels, such as 224 or 224x320, got {text!r}")
    numbers = tuple(int(part) for part in parts)
    if min(numbers) < 1:
        raise ValueError(f"must be at least 1 pixel, got {text!r}")
    return numbers


def _numbers(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"must be numbers with commas between them, got {text!r}") from None
    if not all(abs(number) <= _LARGEST for number in numbers):  # NaN too
        raise ValueError(f"must be finite in float32, got {text!r}")
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
    if min(values) < _SMALLEST:
        raise ValueError(f"must be a number that float32 holds, got {text!r}")
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
        "the current folder is searched first. FILE.py:NAME takes it from a file",
    )
    add("--ckpt", metavar="FILE", help="checkpoint to load (default: as the function left it)")
    add(
        "--network-output",
        action="append",
        type=output_step,
        metavar="INDEX|KEY",
        help="where the scores are in what the network returns, if that is a tuple, list or dict; "
        "again for one inside another",
    )
    add(
        "--activation",
        choices=ACTIVATIONS,
        default="softmax",
        help="from the network's output to probabilities (default: softmax); none: the network "
        "returns probabilities; identity: scores of another kind",
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
        metavar="S|HxW",
        help="resize the picture to this, in pixels (default: 224)",
    )
    add(
        "--resize",
        type=sides,
        metavar="S|HxW",
        help="in place of --size: resize the shorter side to S, in pixels, the longer one in "
        "proportion, or to HxW",
    )
    add(
        "--crop",
        type=size,
        metavar="S|HxW",
        help="cut this out of the middle after --resize",
    )
    add("--bgr", action="store_true", help="feed the channels in the order blue, green, red")
    add(
        "--max-pixels",
        type=at_least_one,
        default=MAX_PIXELS,
        metavar="N",
        help=f"refuse pictures of more pixels before they are read (default: {MAX_PIXELS})",
    )
    add("--grayscale", action="store_true", help="feed the network one channel")
    add(
        "--mean",
        type=numbers,
        default=(0.0,),
        metavar="M[,M,M]",
        help="subtracted from channels in [0, 1], in the order they are fed in (default: 0); write "
        "--mean=-1 if negative",
    )
    add(
        "--std",
        type=positive_numbers,
        default=(1.0,),
        metavar="S[,S,S]",
        help="divides the channels after that (default: 1)",
    )


def frame(arguments: argparse.Namespace) -> Frame:
    """Return what --size, --resize and --crop ask for."""
    if arguments.bgr and arguments.grayscale:
        raise CliError(WRONG_ARGUMENT, "--bgr: not with --grayscale, which feeds one channel")
    if arguments.resize is None:
        if arguments.crop is not None:
            raise CliError(WRONG_ARGUMENT, "--crop: needs --resize, the size before the cut")
        return Frame(arguments.size or _SIZE)
    if arguments.size is not None:
        raise CliError(WRONG_ARGUMENT, "--size: not with --resize, which takes its place")
    return Frame(arguments.resize, arguments.crop)


def add_class(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which classes are explained."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="N|NAME|top",
        help=f"class to explain: index, name, or the top predicted one (default: {TOP}); give it "
        "again for each further class",
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
