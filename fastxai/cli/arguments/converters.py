"""Values of options, from text."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from fastxai.cli.subject.classes import as_index
from fastxai.cli.subject.module import FILE_SUFFIX, is_model_file, split_model
from fastxai.cli.subject.score import FORMS, split_score
from fastxai.masks.designs import check_num_masks
from fastxai.masks.patches import check_patch
from fastxai.masks.stopping import check_max_masks, check_tol
from fastxai.ops.params import check_seed

T = TypeVar("T")
AUTO = "auto"
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


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number, got {text!r}") from None


@converter
def at_least_one(text: str) -> int:
    """Read a whole number >= 1."""
    number = _whole(text)
    if number < 1:
        raise ValueError(f"must be at least 1, got {text}")
    return number


def _accepted(check: Callable[[str, Any], T], value: Any) -> T:
    """A value that an explainer accepts; its words, without explainer and argument, if not."""
    try:
        return check("", value)
    except ValueError as error:
        raise ValueError(str(error).partition("` ")[2].rstrip(".")) from None


@converter
def mask_count(text: str) -> int:
    """Read a number of masks."""
    return _accepted(_check_num_masks, _whole(text))


@converter
def mask_ceiling(text: str) -> int:
    """Read the most masks of a run that stops by itself."""
    return _accepted(check_max_masks, _whole(text))


def output_step(text: str) -> int | str:
    """Read an index, or else a key."""
    found = as_index(text)
    return text if found is None else found


def _check_num_masks(owner: str, number: int) -> int:
    return check_num_masks(owner, number, "centred")


@converter
def num_masks(text: str) -> int | str:
    """Read 'auto' or a number of masks."""
    if text.strip().lower() == AUTO:
        return AUTO
    return _accepted(_check_num_masks, _whole(text))


@converter
def correlation(text: str) -> float:
    """Read a predicted correlation to stop at."""
    return _accepted(check_tol, _number(text))


@converter
def percentile(text: str) -> float:
    """Read a number in (0, 100]."""
    value = _number(text)
    if not 0 < value <= 100:
        raise ValueError(f"must be above 0 and at most 100, got {text}")
    return value


@converter
def seed(text: str) -> int:
    """Read a seed of masks."""
    return _accepted(check_seed, _whole(text))


@converter
def import_path(text: str) -> str:
    """Read 'module:name', dots allowed on both sides, 'path/to/file.py:name' or a model file."""
    if is_model_file(text):
        return text
    module, name = split_model(text)
    parts = name.split(".")
    if not module.endswith(FILE_SUFFIX):
        parts += module.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ValueError(
            "must be MODULE:NAME or FILE.py:NAME, such as my_nets:resnet50 or "
            f"nets/resnet.py:resnet50, or a file net.onnx or net.xml, got {text!r}"
        )
    return text


@converter
def score(text: str) -> str:
    """Read the name of a score with its parts, or the import path of a function."""
    name, _ = split_score(text)
    if name:
        return text
    if ":" not in text or is_model_file(text):
        raise ValueError(f"must be {', '.join(FORMS.values())} or MODULE:NAME, got {text!r}")
    return import_path(text)


@converter
def reshape_transform(text: str) -> str | tuple[int, int]:
    """Read 'auto', 'HxW' as (rows, columns), or the import path of a function."""
    if text.strip().lower() == AUTO:
        return AUTO
    if ":" in text:
        return import_path(text)
    return size(text)


@converter
def size(text: str) -> tuple[int, int]:
    """Read 'S' or 'HxW' as (height, width)."""
    numbers = _sides(text)
    return numbers[0], numbers[-1]


@converter
def window(text: str) -> tuple[int, int] | str:
    """Read 'auto', 'S' or 'HxW' as (rows, columns), or 'patch', 'patch:S' or 'patch:HxW'."""
    if text.strip().lower() == AUTO:
        return AUTO
    if text.strip().lower().startswith("patch"):
        return _patch("window", text)
    numbers = _sides(text)
    return numbers[0], numbers[-1]


def _patch(name: str, text: str) -> str:
    word = text.strip().lower()
    _accepted(lambda owner, value: check_patch(owner, name, value), word)
    return word


@converter
def grid(text: str) -> str:
    """Read 'patch', 'patch:S' or 'patch:HxW'."""
    return _patch("grid", text)


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
def base_value(text: str) -> str | tuple[float, ...] | float:
    """Read 'blur', 'blur:RADIUS', 'mean', 'noise', or numbers with commas between them."""
    from fastxai.ops.base_value import WORDS, base_word

    if text.partition(":")[0] in WORDS:
        try:
            base_word("", text)
        except ValueError:
            raise ValueError(
                f"must be blur, blur:RADIUS with a radius up to 1000, mean or noise, got {text!r}"
            ) from None
        return text
    values = _numbers(text)
    return values[0] if len(values) == 1 else values


@converter
def positive_numbers(text: str) -> tuple[float, ...]:
    """Read finite numbers above 0 with commas between them."""
    values = _numbers(text)
    if min(values) <= 0:
        raise ValueError(f"must be above 0, got {text!r}")
    if min(values) < _SMALLEST:
        raise ValueError(f"must be a number that float32 holds, got {text!r}")
    return values
