"""A folder of many pictures to explain, made of the four that come with the package."""

from __future__ import annotations

import csv
import io

import numpy as np
from PIL import Image

from fastxai.demo.network import CLASS_NAMES
from fastxai.demo.samples import samples

COUNT = 50
LIST = "pictures.csv"
_SHIFT = 6  # pixels, at most
_BRIGHTNESS = (0.8, 1.2)
_NOISE = 6.0  # standard deviation, of 255


def picture_folder(count: int = COUNT) -> dict[str, bytes]:
    """Variants of the demo's pictures, shifted, lightened and noisy, with a list of them.

    Args:
        count: Pictures, at least 1.

    Returns:
        Contents of files by name: PNG pictures of 96x96 pixels, and `pictures.csv` with their path,
        and as target the names of the two digits.

    Randomness:
        None: the same files every time.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.demo.folder import picture_folder
        >>> len(picture_folder(3))
        4
    """
    draw = np.random.default_rng(0)
    known = list(samples().values())
    files, rows = {}, io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["path", "target"])
    for number in range(count):
        sample = known[number % len(known)]
        name = f"{number:02d}_{sample.name}.png"
        files[name] = _png(_variant(np.asarray(sample.picture), draw))
        table.writerow([name, ";".join(CLASS_NAMES[label] for label in sample.labels)])
    files[LIST] = rows.getvalue().encode()
    return files


def _variant(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 3) uint8, shifted, lightened or darkened, with noise."""
    height, width, _ = pixels.shape
    y, x = draw.integers(0, 2 * _SHIFT + 1, 2)
    border = ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0))
    shifted = np.pad(pixels, border, mode="reflect")[y : y + height, x : x + width]
    noise = draw.normal(0, _NOISE, shifted.shape)
    return np.clip(shifted * draw.uniform(*_BRIGHTNESS) + noise, 0, 255).astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()
