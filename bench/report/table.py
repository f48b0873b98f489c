"""What tables of the pages are made of."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def spread(values: dict[str, float], form: str = ".1f", unit: float = 1.0) -> str:
    """Median and quartiles, or the bare figure of a single repeat."""
    middle = format(values["median"] * unit, form)
    if values["repeats"] < 2:
        return middle
    return f"{middle} ({values['q1'] * unit:{form}} to {values['q3'] * unit:{form}})"
