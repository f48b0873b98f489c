"""Tables as declarations: a title, the result they come from, its rows, columns and footnotes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]
Selector = str | Callable[[Row], Any]  # a dotted path, or a function of a row


class Column(NamedTuple):
    """A column.

    A value is a text, a number, a summary with its quartiles, or None, which is an empty cell.
    """

    title: str
    select: Selector
    form: str = ""  # of a number
    unit: float = 1.0  # that numbers are multiplied with
    most: int = 0  # that a summary's None is above


class Table(NamedTuple):
    """A table; callables get the result."""

    title: str
    source: str  # name of the result; "" for all of them, by name
    rows: str | Callable[[Any], Iterable[Row]]
    columns: Sequence[Column] | Callable[[Any], Sequence[Column]]
    notes: Sequence[str | Callable[[Any], str]] = ()


def pick(row: Any, select: Selector) -> Any:
    """What a selector finds in a row; None where a path ends early."""
    if callable(select):
        return select(row)
    for key in select.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def cell(value: Any, column: Column) -> str:
    """A value as text: a summary as median and quartiles, or as the bare figure of one repeat."""
    if value is None or isinstance(value, str):
        return value or ""
    if not isinstance(value, dict):
        return _number(value, column)
    median, q1, q3 = (_number(value[key], column) for key in ("median", "q1", "q3"))
    return f"{median} ({q1} to {q3})" if value.get("repeats", 2) > 1 else median


def _number(value: float | None, column: Column) -> str:
    if value is None:
        return f"> {column.most}"
    return format(value if column.unit == 1.0 else value * column.unit, column.form)


def render(table: Table, result: Any) -> str:
    """The table in Markdown with its title and footnotes; "" without rows."""
    rows = list(table.rows(result) if callable(table.rows) else pick(result, table.rows) or [])
    if not rows:
        return ""
    columns = table.columns(result) if callable(table.columns) else table.columns
    lines = [[column.title for column in columns], ["---"] * len(columns)]
    lines += [[cell(pick(row, column.select), column) for column in columns] for row in rows]
    title = f"**{table.title}**\n\n" if table.title else ""
    text = title + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    notes = (note(result) if callable(note) else note for note in table.notes)
    return text + "".join(f"\n{note}\n" for note in notes)
