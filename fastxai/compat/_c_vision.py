"""Contents of `mindspore.dataset.vision.c_transforms` in MindSpore 1.x."""

from __future__ import annotations

from typing import Any

import mindspore._c_dataengine as engine
import numpy as np
from mindspore.dataset import vision
from mindspore.dataset.vision import (
    AutoAugmentPolicy,
    Border,
    ConvertMode,
    ImageBatchFormat,
    Inter,
    SliceMode,
)
from mindspore.dataset.vision.transforms import ImageTensorOperation

from fastxai.compat._operations import Compiled, derive

_SAME = (
    "AdjustGamma",
    "AutoAugment",
    "AutoContrast",
    "CenterCrop",
    "ConvertColor",
    "Crop",
    "CutMixBatch",
    "CutOut",
    "Equalize",
    "GaussianBlur",
    "HWC2CHW",
    "HorizontalFlip",
    "Invert",
    "MixUpBatch",
    "Normalize",
    "NormalizePad",
    "Pad",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomAutoContrast",
    "RandomColor",
    "RandomColorAdjust",
    "RandomCrop",
    "RandomCropDecodeResize",
    "RandomEqualize",
    "RandomHorizontalFlip",
    "RandomInvert",
    "RandomLighting",
    "RandomPosterize",
    "RandomResize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSelectSubpolicy",
    "RandomSharpness",
    "RandomSolarize",
    "RandomVerticalFlip",
    "Rescale",
    "Resize",
    "Rotate",
    "SlicePatches",
    "UniformAugment",
    "VerticalFlip",
)
# Of a picture and its boxes, and what they are given is written to since 2.x shares it.
_WITH_BOXES = (
    "BoundingBoxAugment",
    "RandomCropWithBBox",
    "RandomHorizontalFlipWithBBox",
    "RandomResizeWithBBox",
    "RandomResizedCropWithBBox",
    "RandomVerticalFlipWithBBox",
    "ResizeWithBBox",
)

__all__ = [  # noqa: PLE0604
    "AutoAugmentPolicy",
    "Border",
    "ConvertMode",
    "Decode",
    "ImageBatchFormat",
    "ImageTensorOperation",
    "Inter",
    "RgbToBgr",
    "SliceMode",
    "SoftDvppDecodeRandomCropResizeJpeg",
    "SoftDvppDecodeResizeJpeg",
    *_SAME,
    *_WITH_BOXES,
]


def _copies(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(map(np.array, arrays))


class _OnCopies(Compiled):
    def parse(self) -> Any:
        """The compiled operation, for MindSpore, behind a copy: boxes are changed in place."""
        return engine.ComposeOperation([_copies, super().parse()])  # type: ignore[misc]


globals().update(derive(Compiled, vision, __name__, _SAME))
globals().update(derive(_OnCopies, vision, __name__, _WITH_BOXES))


class Decode(Compiled, vision.Decode):
    """Decodes the bytes of a picture file to (H, W, 3), uint8, in RGB order.

    Args:
        rgb: Must be True: MindSpore has not decoded to BGR since 1.8.

    Raises:
        RuntimeError: `rgb` is False.
    """

    def __init__(self, rgb: bool = True) -> None:
        if not rgb:
            raise RuntimeError("Decode: `rgb` must be True; swap the channels with RgbToBgr().")
        super().__init__()
        self.rgb = rgb


class RgbToBgr(Compiled, ImageTensorOperation):
    """Reverses the order of three channels, the last axis."""

    def parse(self) -> Any:
        """The compiled operation, for MindSpore."""
        return engine.RgbToBgrOperation()


class _Gone(ImageTensorOperation):
    instead = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} is gone since MindSpore 1.8; use {self.instead}."
        )


class SoftDvppDecodeRandomCropResizeJpeg(_Gone):
    """Raises NotImplementedError, as in MindSpore 1.8 and 1.9."""

    instead = "RandomCropDecodeResize"


class SoftDvppDecodeResizeJpeg(_Gone):
    """Raises NotImplementedError, as in MindSpore 1.8 and 1.9."""

    instead = "Decode and Resize"
