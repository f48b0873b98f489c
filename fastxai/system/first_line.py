"""Somebody else's errors in one line."""

from __future__ import annotations

_LONGEST = 300  # characters of a message; MindSpore's run to pages


def first_line(error: BaseException) -> str:
    """Return an exception's kind and the first line of its message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip(" -\t")]
    kind = type(error).__name__
    if not lines:
        return kind
    text = lines[0] if len(lines[0]) <= _LONGEST else lines[0][: _LONGEST - 3] + "..."
    return f"{kind}: {text}"
