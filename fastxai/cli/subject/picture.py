"""From a picture file to the network's input, with errors in the words of options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastxai.cli.messages import UNREADABLE_INPUT, WRONG_ARGUMENT, CliError
from fastxai.dataset import picture as files
from fastxai.dataset.picture import MAX_PIXELS, Frame, Picture, PictureError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

__all__ = ["MAX_PIXELS", "Frame", "Picture", "load_picture", "to_input"]


def load_picture(path: str, frame: Frame, grayscale: bool, max_pixels: int) -> Picture:
    """As `fastxai.dataset.picture.load_picture`.

    Raises:
        CliError: The picture cannot be read, is too large, or the frame does not fit.
    """
    with _in_words_of_options():
        return files.load_picture(path, frame, grayscale, max_pixels)


def to_input(
    picture: Image.Image, mean: Sequence[float], std: Sequence[float], bgr: bool = False
) -> np.ndarray:
    """As `fastxai.dataset.picture.to_input`.

    Raises:
        CliError: `mean` or `std` does not fit the channels.
    """
    with _in_words_of_options():
        return files.to_input(picture, mean, std, bgr)


@contextmanager
def _in_words_of_options() -> Iterator[None]:
    try:
        yield
    except PictureError as error:
        code = WRONG_ARGUMENT if error.argument else UNREADABLE_INPUT
        option = f"--{error.argument}" if error.argument else "IMAGE"
        raise CliError(code, f"{option}: {error}") from error.__cause__
