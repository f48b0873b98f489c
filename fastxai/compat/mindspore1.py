"""Import paths of MindSpore 1.x that MindSpore 2.x dropped, pointing to what took their place."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any


def restore_mindspore() -> list[str]:
    """Brings back what scripts of MindSpore 1.x import and 2.x does not have.

    `mindspore.dataset.vision` and `mindspore.dataset.transforms` get their `c_transforms` and
    `py_transforms`, whose operations take and return what they did in MindSpore 1.8 and 1.9, at
    once and in `map`: those of `c_transforms` turn a PIL picture or array into an array, those of
    `py_transforms` work on PIL pictures, or on arrays with channels first.
    `mindspore.ms_function` is `mindspore.jit`. What MindSpore has by itself is left alone.

    Returns:
        The names that were missing and are there now; empty on a second call.

    Supported Platforms:
        Any.

    Example:
        >>> from fastxai import compat
        >>> names = compat.restore_mindspore()
        >>> from mindspore.dataset.vision.c_transforms import Resize
    """
    mindspore: Any = importlib.import_module("mindspore")
    restored = [
        *_add_module("mindspore.dataset.vision.c_transforms", "_c_vision"),
        *_add_module("mindspore.dataset.vision.py_transforms", "_py_vision"),
        *_add_module("mindspore.dataset.transforms.c_transforms", "_c_transforms"),
        *_add_module("mindspore.dataset.transforms.py_transforms", "_py_transforms"),
    ]
    if not hasattr(mindspore, "ms_function"):
        mindspore.ms_function = mindspore.jit
        restored.append("mindspore.ms_function")
    return restored


def _add_module(dotted: str, ours: str) -> list[str]:
    """Puts a module of this package under a name of MindSpore 1.x.

    Returns:
        The name, in a list; nothing where MindSpore has it.
    """
    if importlib.util.find_spec(dotted) is not None:
        return []
    module = importlib.import_module(f"fastxai.compat.{ours}")
    package, _, name = dotted.rpartition(".")
    sys.modules[dotted] = module
    setattr(importlib.import_module(package), name, module)
    return [dotted]
