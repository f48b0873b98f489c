"""Contents of `mindspore.dataset.transforms.py_transforms` in MindSpore 1.x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindspore.dataset import transforms
from mindspore.dataset.transforms import not_random
from mindspore.dataset.transforms import py_transforms_util as util
from mindspore.dataset.transforms.transforms import (
    PyTensorOperation,
    TensorOperation,
    clean_unused_executors,
)

from fastxai.compat._operations import InPython, derive

_SAME = ("RandomApply", "RandomChoice", "RandomOrder")

__all__ = [  # noqa: PLE0604
    "Compose",
    "OneHotOp",
    "PyTensorOperation",
    "TensorOperation",
    "not_random",
    *_SAME,
]

globals().update(derive(InPython, transforms, __name__, _SAME))


class OneHotOp(InPython, transforms.OneHot):
    """Class numbers to one-hot rows of float64, smoothed where asked.

    Args:
        num_classes: int >= 1.
        smoothing_rate: float in [0, 1]. The share that is spread over all classes.
    """

    def __call__(self, label: Any) -> Any:
        """From (...) of an integer dtype to (..., num_classes)."""
        return util.one_hot_encoding(label, self.num_classes, self.smoothing_rate)


class Compose(InPython, PyTensorOperation):
    """Runs operations and functions in a row, each on what the one before has returned.

    Args:
        transforms: list of callables.

    Raises:
        ValueError: `transforms` is empty, or something in it cannot be called.
        TypeError: `transforms` is no list.
    """

    def __init__(self, transforms: list[Callable[..., Any]]) -> None:
        super().__init__()
        if not isinstance(transforms, list):
            raise TypeError(f"Compose: `transforms` must be a list, got {type(transforms)}.")
        if not transforms:
            raise ValueError("Compose: `transforms` must not be empty.")
        for place, operation in enumerate(transforms):
            if not callable(operation) or isinstance(operation, type):
                raise ValueError(
                    f"Compose: `transforms[{place}]` must be an operation or a function, "
                    f"got {operation!r}."
                )
        self.transforms = transforms

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """Runs at once; a tuple, also of a single result, as in MindSpore 1.x."""
        if not inputs:
            raise TypeError("Compose: call it with a picture or array.")
        results: tuple[Any, ...] = util.compose(self.transforms, *inputs)
        return results

    def release_resource(self) -> None:
        """Frees what compiled operations in the list hold, when a thread of `map` ends."""
        clean_unused_executors()
