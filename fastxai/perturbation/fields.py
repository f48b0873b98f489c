"""Checks of what a file says in words and numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], bool]


def check_fields(facts: Any, wanted: Mapping[str, Check]) -> None:
    """Refuses facts of which one is missing, unknown or not what it should be.

    Args:
        facts: As JSON gave them.
        wanted: All names, and what tells a right value.

    Raises:
        ValueError: They are not those, or one is wrong.
    """
    if not isinstance(facts, dict):
        raise ValueError(f"it says {str(facts)[:40]!r} where facts should be")
    if facts.keys() != wanted.keys():
        name = min(facts.keys() ^ wanted.keys())
        raise ValueError(f"it has no {name!r}" if name in wanted else f"it has a {name[:40]!r}")
    for name, is_right in wanted.items():
        if not is_right(facts[name]):
            raise ValueError(f"its {name!r} is {str(facts[name])[:40]!r}")


def is_text(value: Any) -> bool:
    """Whether a fact is a str."""
    return isinstance(value, str)


def is_number(low: float, high: float = sys.float_info.max) -> Check:
    """Tells numbers in [low, high], NaN and infinity never."""
    return lambda value: type(value) in (int, float) and low <= value <= high


def is_integer(low: int, high: int) -> Check:
    """Tells integers in [low, high]."""
    return lambda value: type(value) is int and low <= value <= high


def is_none_or(is_right: Check) -> Check:
    """Tells None as well."""
    return lambda value: value is None or is_right(value)
