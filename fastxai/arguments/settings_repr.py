"""One form of `repr` for explainers and metrics: the class with the arguments it was made with."""

from __future__ import annotations

import inspect
from typing import Any

_PARTS = ("_selector", "_scorer")  # what holds an argument that the object itself does not
_LONGEST = 60  # characters of one value


class SettingsRepr:
    """Gives a class that keeps its argument `name` as `_name` a `repr` that shows it."""

    def __repr__(self) -> str:
        """The class and its settings; networks and other callables by their names."""
        parts = [self, *(vars(self)[name] for name in _PARTS if name in vars(self))]
        shown = []
        for name in _arguments(type(self)):
            for part in parts:
                if hasattr(part, f"_{name}"):
                    shown.append(f"{name}={_short(getattr(part, f'_{name}'))}")
                    break
        return f"{type(self).__name__}({', '.join(shown)})"


def _arguments(kind: type) -> list[str]:
    """Names of the constructor's arguments; where it hands `*args` on, also those of its base."""
    names: dict[str, None] = {}
    for base in kind.__mro__:
        if "__init__" in vars(base) and base is not object:
            parameters = inspect.signature(vars(base)["__init__"]).parameters
            names.update(dict.fromkeys(parameters))
            if not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values()):
                break
    return list(names)


def _short(value: Any) -> str:
    if not (value is None or isinstance(value, (bool, int, float, str, bytes, tuple, list, dict))):
        name = getattr(value, "__qualname__", None) or f"{type(value).__name__}(...)"
        return str(name)
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
