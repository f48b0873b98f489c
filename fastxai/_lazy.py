"""Packages whose names are loaded when they are first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str], modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: Its name.
        homes: Module that each public name is in, by the name.
        modules: Modules of the package that are attributes of it without an import.
    """

    def load(name: str) -> Any:
        if name in homes:
            found = getattr(importlib.import_module(homes[name]), name)
            vars(importlib.import_module(package))[name] = found
            return found
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        own = vars(importlib.import_module(package))
        return sorted({name for name in own if name.startswith("__")} | {*homes, *modules})

    return load, names
