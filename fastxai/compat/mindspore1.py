"""Import paths of MindSpore 1.x that MindSpore 2.x dropped, pointing to what took their place."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

_VISION = "mindspore.dataset.vision"
_TRANSFORMS = "mindspore.dataset.transforms"


def restore_mindspore() -> list[str]:
    """Brings back what scripts of MindSpore 1.x import and 2.x does not have.

    `mindspore.dataset.vision` and `mindspore.dataset.transforms` get their `c_transforms` and
    `py_transforms`; the transforms of `py_transforms` whose defaults differed keep those they had
    (`Decode` gives a PIL picture, `Normalize` and `NormalizePad` expect channels first).
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
    vision = importlib.import_module(_VISION)
    transforms = importlib.import_module(_TRANSFORMS)
    python_vision = {
        "Compose": transforms.Compose,
        "Cutout": vision.CutOut,
        "Decode": functools.partial(vision.Decode, to_pil=True),
        "Normalize": functools.partial(vision.Normalize, is_hwc=False),
        "NormalizePad": functools.partial(vision.NormalizePad, is_hwc=False),
        "RandomApply": transforms.RandomApply,
        "RandomChoice": transforms.RandomChoice,
        "RandomOrder": transforms.RandomOrder,
    }
    python_transforms = {"OneHotOp": transforms.OneHot}
    restored = [
        *_add_module(vision, "c_transforms", {}),
        *_add_module(vision, "py_transforms", python_vision),
        *_add_module(transforms, "c_transforms", {}),
        *_add_module(transforms, "py_transforms", python_transforms),
    ]
    if not hasattr(mindspore, "ms_function"):
        mindspore.ms_function = mindspore.jit
        restored.append("mindspore.ms_function")
    return restored


def _add_module(package: ModuleType, name: str, changed: dict[str, Any]) -> list[str]:
    """Adds a module with the public names of its package, some of them changed.

    Returns:
        Its dotted name, in a list; nothing where it exists.
    """
    dotted = f"{package.__name__}.{name}"
    if importlib.util.find_spec(dotted) is not None:
        return []
    module = ModuleType(dotted, f"What stood here in MindSpore 1.x, from {package.__name__}.")
    module.__spec__ = importlib.util.spec_from_loader(dotted, loader=None)
    public = {key: value for key, value in vars(package).items() if key[:1].isupper()}
    vars(module).update(public | changed)
    sys.modules[dotted] = module
    setattr(package, name, module)
    return [dotted]
