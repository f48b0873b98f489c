"""Adapts operations of MindSpore 2.x to the interface of MindSpore 1.x.

MindSpore 2.x merged two families of operations into one that chooses by what it is given: Pillow
on a PIL picture, compiled code on an array, a tuple from a `Compose`. In 1.x the module that an
operation came from decided, and scripts of that time rely on it:

* `c_transforms`: compiled, from a PIL picture or array to an array;
* `py_transforms`: Python on PIL pictures, or on arrays of (C, H, W).
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from mindspore.dataset.transforms.py_transforms_util import Implementation
from PIL import Image


class Compiled:
    """An operation of a `c_transforms`: put before the operation of MindSpore 2.x."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.implementation = Implementation.C

    def __call__(self, *inputs: Any) -> Any:
        """Runs at once; PIL pictures count as the arrays (H, W, C) or (H, W) they hold."""
        return super().__call__(*map(_array, inputs))  # type: ignore[misc]


class InPython:
    """An operation of a `py_transforms`: put before the operation of MindSpore 2.x."""

    parse: Any = None  # the way to compiled code, which a compiled `Compose` would take
    # Arguments that 2.x rewrites for its compiled half, and 1.x took as they are given.
    as_given: tuple[str, ...] = ("fill_value",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.implementation = Implementation.PY
        given = inspect.signature(super().__init__).bind(*args, **kwargs)
        given.apply_defaults()
        for name in self.as_given:
            if name in given.arguments and hasattr(self, name):
                setattr(self, name, given.arguments[name])


def _array(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Image.Image) else value


def derive(kind: type, package: Any, module: str, names: tuple[str, ...]) -> dict[str, type]:
    """Operations of a package of MindSpore 2.x as those of 1.x, where only `kind` differs.

    Args:
        kind: `Compiled` or `InPython`.
        package: mindspore.dataset.vision or mindspore.dataset.transforms.
        module: Name of the module that they go to, for pickle.
        names: Their names.

    Returns:
        The classes by name.
    """
    return {
        name: type(
            name,
            (kind, getattr(package, name)),
            {"__module__": module, "__doc__": f"As in MindSpore 1.x; arguments: {name} of 2.x."},
        )
        for name in names
    }
