"""The name mindspore_xai, and every module below it, for fastxai's own modules."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_PEER = "mindspore_xai"
_OURS = "fastxai"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds fastxai.a.b for mindspore_xai.a.b: the same module object, not a copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _PEER and not fullname.startswith(_PEER + "."):
            return None
        if importlib.util.find_spec(_ours(fullname)) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None  # a plain one; `exec_module` puts ours in its place

    def exec_module(self, module: ModuleType) -> None:
        importlib.import_module(_ours(module.__name__))
        # All that are loaded by now, not this one alone: the import system puts a module that it
        # finds into its package, over a function of the same name that the package exports.
        for name, ours in list(sys.modules.items()):
            if name == _OURS or name.startswith(_OURS + "."):
                sys.modules[_PEER + name[len(_OURS) :]] = ours


_finder = _Finder()


def _ours(name: str) -> str:
    return _OURS + name[len(_PEER) :]


def _loaded() -> dict[str, Any]:
    """Modules that are imported under mindspore_xai's name."""
    return {
        name: module
        for name, module in sys.modules.items()
        if name == _PEER or name.startswith(_PEER + ".")
    }


def install() -> None:
    """Lets `import mindspore_xai` and all below it give fastxai's modules, the same objects.

    A mindspore_xai that is installed is hidden, not changed. Calling it again does nothing.

    Raises:
        RuntimeError: The real mindspore_xai has been imported in this process.

    Supported Platforms:
        Any.

    Example:
        >>> import fastxai.explainer
        >>> from fastxai import compat
        >>> compat.install()
        >>> from mindspore_xai.explainer import GradCAM
        >>> GradCAM is fastxai.explainer.GradCAM
        True
        >>> compat.uninstall()
    """
    foreign = [
        name for name, module in _loaded().items() if module is not sys.modules.get(_ours(name))
    ]
    if foreign:
        raise RuntimeError(
            f"fastxai.compat.install: {foreign[0]} has been imported already; call install() "
            "before anything imports mindspore_xai."
        )
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undoes `install`: mindspore_xai is again what the environment has under that name.

    Supported Platforms:
        Any.
    """
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        for name in _loaded():
            del sys.modules[name]
