"""The demo's pictures: two handwritten digits each, with the place of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).with_name("pictures")  # examples/demo/make_pictures.py made it
SIZE = 96  # side of a picture, pixels
MEAN = (0.5, 0.5, 0.5)  # per channel, of pixels in [0, 1]: a masked pixel (0) is mid-grey
STD = (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class Sample:
    """A picture and what is in it.

    Attributes:
        path: PNG file, 96x96 pixels.
        labels: The two digits, which are classes of the network.
        boxes: For each digit its ink: y0, x0, y1, x1, the last two exclusive.
    """

    path: Path
    labels: tuple[int, ...]
    boxes: tuple[tuple[int, int, int, int], ...]

    @property
    def name(self) -> str:
        """Such as '3_and_8'."""
        return self.path.stem

    @property
    def picture(self) -> Image.Image:
        """Pillow picture, RGB."""
        with Image.open(self.path) as opened:
            return opened.convert("RGB")


def samples() -> dict[str, Sample]:
    """The pictures by name.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.demo import samples
        >>> sorted(samples())
        ['3_and_8', '4_and_0', '6_and_5', '7_and_2']
    """
    found = {}
    for entry in json.loads((FOLDER / "pictures.json").read_text(encoding="utf-8")):
        boxes = tuple(tuple(box) for box in entry["boxes"])
        sample = Sample(FOLDER / entry["file"], tuple(entry["labels"]), boxes)
        found[sample.name] = sample
    return found


def demo_picture(name: str = "3_and_8") -> Image.Image:
    """One of the pictures.

    Args:
        name: A name of `samples()`.

    Returns:
        Pillow picture, RGB, 96x96 pixels.

    Raises:
        ValueError: There is no picture of this name.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.demo import demo_picture
        >>> demo_picture().size
        (96, 96)
    """
    known = samples()
    if name not in known:
        raise ValueError(f"demo_picture: `name` must be one of {', '.join(known)}, got {name!r}.")
    return known[name].picture


def normalize(image: np.ndarray | Image.Image) -> np.ndarray:
    """Turn a picture into the network's input.

    Args:
        image: Pillow picture, RGB, or uint8 [H, W, 3] or [N, H, W, 3], in [0, 255]; 96x96 pixels.

    Returns:
        float32 [3, H, W] or [N, 3, H, W], in [-2, 2]: (image / 255 - MEAN) / STD.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.demo import demo_picture, normalize
        >>> normalize(demo_picture()).shape
        (3, 96, 96)
    """
    scaled = np.asarray(image).astype(np.float32) / np.float32(255)
    scaled = (scaled - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(np.moveaxis(scaled, -1, -3), dtype=np.float32)
