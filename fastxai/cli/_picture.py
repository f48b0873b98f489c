"""From a picture file to the network's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastxai.cli._errors import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError

if TYPE_CHECKING:
    from PIL import Image


def load_picture(path: str, size: tuple[int, int], grayscale: bool) -> Image.Image:
    """Read a picture upright, in 8-bit RGB (or grey), resized to (height, width)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            if opened.mode[0] in "IF":
                raise CliError(
                    UNREADABLE_INPUT,
                    f"IMAGE: {path} has pixels of mode {opened.mode}; save it with 8 bits a "
                    "channel",
                )
            upright = ImageOps.exif_transpose(opened)
            picture = upright.convert("L" if grayscale else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError for some broken PNG files.
        raise CliError(UNREADABLE_INPUT, f"IMAGE: {_reason(path, error)}") from error
    height, width = size
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def to_input(picture: Image.Image, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Return (picture / 255 - mean) / std as float32 of shape [1, C, H, W]."""
    values = np.asarray(picture, np.float32) / 255  # [H, W] or [H, W, C]
    channels = np.atleast_3d(values).transpose(2, 0, 1)[None]
    count = channels.shape[1]
    for option, given in (("--mean", mean), ("--std", std)):
        if len(given) not in (1, count):
            raise CliError(
                WRONG_ARGUMENT,
                f"{option}: must hold 1 or {count} values for {count} channels, got {len(given)}",
            )
    shape = (1, -1, 1, 1)
    centred = channels - np.asarray(mean, np.float32).reshape(shape)
    return np.ascontiguousarray(centred / np.asarray(std, np.float32).reshape(shape))


def _reason(path: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot read {path}: {error.strerror}"
    return f"{path} is no picture that Pillow can read"
