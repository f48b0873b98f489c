"""Contents of `mindspore.dataset.transforms.c_transforms` in MindSpore 1.x."""

from __future__ import annotations

from typing import Any

from mindspore.dataset import transforms
from mindspore.dataset.transforms import Relational
from mindspore.dataset.transforms.transforms import TensorOperation

from fastxai.compat._operations import Compiled, derive

_SAME = (
    "Concatenate",
    "Duplicate",
    "Fill",
    "Mask",
    "OneHot",
    "PadEnd",
    "Plugin",
    "RandomApply",
    "RandomChoice",
    "Slice",
    "TypeCast",
    "Unique",
)

__all__ = ["Compose", "Relational", "TensorOperation", *_SAME]  # noqa: PLE0604

globals().update(derive(Compiled, transforms, __name__, _SAME))


class _Whole(transforms.Compose):
    """A `Compose` without the choice of 2.x, whose result for a PIL picture is a tuple."""

    def __call__(self, *inputs: Any) -> Any:
        return TensorOperation.__call__(self, *inputs)


class Compose(Compiled, _Whole):
    """Runs operations in a row, as one compiled operation; Python functions may be among them.

    Args:
        transforms: list of operations and functions from arrays to arrays.

    Examples:
        >>> from fastxai.compat import restore_mindspore
        >>> names = restore_mindspore()
        >>> from mindspore.dataset.transforms.c_transforms import Compose, TypeCast
        >>> import mindspore, numpy
        >>> Compose([TypeCast(mindspore.float32)])(numpy.zeros((2, 3), numpy.uint8)).dtype
        dtype('float32')
    """
