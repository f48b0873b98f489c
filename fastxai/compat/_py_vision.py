"""Contents of `mindspore.dataset.vision.py_transforms` in MindSpore 1.x."""

from __future__ import annotations

from typing import Any

import numpy as np
from mindspore.dataset import vision
from mindspore.dataset.transforms.transforms import PyTensorOperation
from mindspore.dataset.vision import Border, Inter, not_random
from mindspore.dataset.vision import py_transforms_util as util
from PIL import Image

from fastxai.compat import _py_transforms
from fastxai.compat._operations import InPython, derive

_SAME = (
    "AutoContrast",
    "CenterCrop",
    "Equalize",
    "FiveCrop",
    "Grayscale",
    "HsvToRgb",
    "Invert",
    "LinearTransformation",
    "MixUp",
    "Pad",
    "RandomAffine",
    "RandomColor",
    "RandomColorAdjust",
    "RandomCrop",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomLighting",
    "RandomPerspective",
    "RandomResizedCrop",
    "RandomSharpness",
    "RandomVerticalFlip",
    "Resize",
    "RgbToHsv",
    "TenCrop",
    "ToPIL",
    "UniformAugment",
)

# Kept here too: this module gave them before it was rewritten as 1.8's.
_OF_TRANSFORMS = ("Compose", "OneHotOp", "RandomApply", "RandomChoice", "RandomOrder")

__all__ = [  # noqa: PLE0604
    "AdjustGamma",
    "Border",
    "Cutout",
    "Decode",
    "HWC2CHW",
    "Inter",
    "Normalize",
    "NormalizePad",
    "RandomRotation",
    "RgbToBgr",
    "ToTensor",
    "ToType",
    "not_random",
    *_OF_TRANSFORMS,
    *_SAME,
]

globals().update(derive(InPython, vision, __name__, _SAME))
globals().update({name: getattr(_py_transforms, name) for name in _OF_TRANSFORMS})


class AdjustGamma(InPython, vision.AdjustGamma):
    """Raises the values of a PIL picture to a power; rounds, where 2.x cuts off.

    Args:
        gamma: float >= 0. The power.
        gain: float. A factor of the result.
    """

    def _execute_py(self, image: Any) -> Image.Image:
        if not isinstance(image, Image.Image):
            raise TypeError(f"AdjustGamma: the picture must be a PIL picture, got {type(image)}.")
        bands = len(image.getbands())
        if bands not in (1, 3):
            return image
        curve = [round(255.999 * self.gain * (value / 255) ** self.gamma) for value in range(256)]
        return image.point([min(value, 255) for value in curve] * bands)


class Decode(InPython, vision.Decode):
    """Decodes the bytes of a picture file to a PIL picture in RGB."""

    def __init__(self) -> None:
        super().__init__(to_pil=True)


class _OnArrays(InPython, PyTensorOperation):
    """An operation whose Python half 2.x has given up, though not its function."""

    random = False


class Cutout(_OnArrays):
    """Sets random squares of an array (C, H, W) to 0.

    Args:
        length: int >= 1. Side of a square in pixels.
        num_patches: int >= 1. How many there are.
    """

    def __init__(self, length: int, num_patches: int = 1) -> None:
        super().__init__()
        vision.CutOut(length, num_patches)  # checks them
        self.length = length
        self.num_patches = num_patches

    def _execute_py(self, image: Any) -> np.ndarray:
        if not isinstance(image, np.ndarray):
            raise TypeError(f"Cutout: the picture must be an array, got {type(image)}.")
        if image.ndim != 3:
            raise TypeError(f"Cutout: the array must be (C, H, W), got {image.shape}.")
        height, width = image.shape[1:]
        if self.length > min(height, width):
            raise ValueError(
                f"Cutout: `length` must be at most {min(height, width)} here, got {self.length}."
            )
        share = self.length**2 / (height * width)
        for _ in range(self.num_patches):
            where = util.get_erase_params(image, (share, share), (1, 1), 0, False, 1)
            image = util.erase(image, *where)
        return image


class HWC2CHW(_OnArrays):
    """Turns an array (H, W, C) into (C, H, W)."""

    def _execute_py(self, image: Any) -> np.ndarray:
        return util.hwc_to_chw(image)


class Normalize(_OnArrays):
    """Subtracts a mean and divides by a deviation, per channel of a floating (C, H, W).

    The dtype stays.

    Args:
        mean: list or tuple of floats in [0, 1], of each channel or a single one.
        std: The same in (0, 1].
    """

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__()
        _check_shares(type(self).__name__, mean, std)
        self.mean = mean
        self.std = std

    def _execute_py(self, image: Any) -> np.ndarray:
        return util.normalize(image, self.mean, self.std)


class NormalizePad(Normalize):
    """`Normalize` and then a further channel of zeros.

    Args:
        mean: list or tuple of floats in [0, 1], of each channel or a single one.
        std: The same in (0, 1].
        dtype: 'float32' or 'float16'.
    """

    def __init__(self, mean: Any, std: Any, dtype: str = "float32") -> None:
        super().__init__(mean, std)
        vision.NormalizePad([0.0], [1.0], dtype)  # checks it
        self.dtype = dtype

    def _execute_py(self, image: Any) -> np.ndarray:
        return util.normalize(image, self.mean, self.std, pad_channel=True, dtype=self.dtype)


class RandomRotation(InPython, vision.RandomRotation):
    """Turns a PIL picture by a random angle; arguments as in MindSpore 2.x."""

    as_given = ("degrees", "fill_value")


class RgbToBgr(_OnArrays):
    """Reverses the order of three channels.

    Args:
        is_hwc: Whether they are the last axis; otherwise they stand before height and width.
    """

    def __init__(self, is_hwc: bool = False) -> None:
        super().__init__()
        self.is_hwc = is_hwc

    def _execute_py(self, images: Any) -> np.ndarray:
        return util.rgb_to_bgrs(images, self.is_hwc)


class ToTensor(_OnArrays):
    """A PIL picture or array (H, W, C) divided by 255, as (C, H, W).

    Args:
        output_type: NumPy dtype of the result.
    """

    def __init__(self, output_type: Any = np.float32) -> None:
        super().__init__()
        self.output_type = output_type

    def _execute_py(self, image: Any) -> np.ndarray:
        return util.to_tensor(image, self.output_type)


class ToType(_OnArrays):
    """Casts an array.

    Args:
        output_type: NumPy dtype of the result.
    """

    def __init__(self, output_type: Any) -> None:
        super().__init__()
        self.output_type = output_type

    def _execute_py(self, image: Any) -> np.ndarray:
        return util.to_type(image, self.output_type)


def _check_shares(name: str, mean: Any, std: Any) -> None:
    for key, values in (("mean", mean), ("std", std)):
        if not isinstance(values, (list, tuple)):
            raise TypeError(f"{name}: `{key}` must be a list or tuple, got {type(values)}.")
    if len(mean) != len(std):
        raise ValueError(f"{name}: `mean` and `std` must be equally long.")
    if not all(0 <= value <= 1 for value in mean) or not all(0 < value <= 1 for value in std):
        raise ValueError(
            f"{name}: `mean` must be in [0, 1] and `std` in (0, 1], got {mean} and {std}; "
            "pixels have been divided by 255 here."
        )
