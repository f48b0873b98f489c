"""Pillow pictures of any mode as pictures of 8 bits a channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_PER_BYTE = 257  # 16-bit values per 8-bit one: 65535 / 255
_NOT_BY_PILLOW = ("LAB",)  # Pillow takes its numbers for those of RGB


def eight_bit(name: str, argument: str, picture: Image.Image, mode: str) -> Image.Image:
    """Turn a picture into one of 8 bits a channel.

    The range is that of the pixels' type: [0, 65535] for 16 bits, [0, 1] for floats. Pillow itself
    cuts both at 255.

    Args:
        name: Of the function whose argument it is, for messages.
        argument: Name of the argument.
        picture: Pillow picture of any mode.
        mode: 'RGB' or 'RGBA'.

    Returns:
        The same picture in this mode.

    Raises:
        ValueError: The type of the pixels does not say what white is (mode I, 32-bit integers, and
            floats that leave [0, 1]), or Pillow cannot convert the mode.
    """
    refused = f"{name}: `{argument}` of mode {picture.mode!r}"
    if picture.mode.startswith("I"):
        # Before Pillow 11.3 a PNG file of 16-bit grey opens in mode I; PNG has no wider integers.
        if picture.mode == "I" and picture.format != "PNG":
            raise ValueError(
                f"{refused} has 32-bit integers, and nothing says which of them is white; convert "
                "it to 8 bits (mode 'L') or 16 bits (mode 'I;16') first."
            )
        return _from_16_bit(picture).convert(mode)
    if picture.mode == "F":
        return _from_floats(refused, picture).convert(mode)
    if picture.mode in _NOT_BY_PILLOW:
        raise ValueError(f"{refused} cannot be painted over; convert it to 'RGB' with ImageCms.")
    if picture.mode == "La":
        picture = picture.convert("LA")
    try:
        return picture.convert(mode)
    except ValueError as error:
        raise ValueError(f"{refused} must be converted to 'RGB' first: {error}.") from error


def _from_16_bit(picture: Image.Image) -> Image.Image:
    from PIL import Image

    values = np.asarray(picture).astype(np.int64)  # [H, W]
    grey = Image.fromarray(((values + _PER_BYTE // 2) // _PER_BYTE).astype(np.uint8))
    see_through = picture.info.get("transparency")  # a value that is transparent, as PNG has it
    if isinstance(see_through, int):
        opacity = np.where(values == see_through, 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(opacity)))
    return grey


def _from_floats(refused: str, picture: Image.Image) -> Image.Image:
    from PIL import Image

    values = np.asarray(picture)  # [H, W]
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN too
        raise ValueError(
            f"{refused} must have floats in [0, 1], black to white, got {low} to {high}; scale "
            "them, or convert it to 8 bits (mode 'L')."
        )
    return Image.fromarray(np.rint(values * 255).astype(np.uint8))
