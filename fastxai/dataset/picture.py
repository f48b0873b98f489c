"""From a picture file to the network's input: the same for one picture and for many."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastxai.system.first_line import first_line

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 2**26  # 67 megapixels; with the map painted over it that takes about 1 GB
_WITHOUT_NOTE = ("MPO", "PSD")  # further frames are a camera's preview or layers of the first


class PictureError(ValueError):
    """A picture cannot be read, or cannot become the network's input.

    Args:
        words: What is wrong.
        argument: Name of the argument that is at fault; '' where it is the file.
    """

    def __init__(self, words: str, argument: str = "") -> None:
        super().__init__(words)
        self.argument = argument


@dataclass(frozen=True)
class Frame:
    """What part of a picture the network sees, and at which size; (height, width) in pixels.

    Attributes:
        resize: The picture is resized to this; one number is its shorter side.
        crop: This is cut out of the middle after that, if it is given.
    """

    resize: tuple[int, ...]
    crop: tuple[int, int] | None = None

    def resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """The (width, height) to which a picture of this (width, height) is resized."""
        if len(self.resize) == 2:
            return self.resize[1], self.resize[0]
        short = self.resize[0]
        width, height = size
        longer = int(short * max(size) / min(size))
        return (short, longer) if width <= height else (longer, short)

    def cut(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge of the part that is cut out of the resized picture."""
        if self.crop is None:
            return 0, 0, *size
        (width, height), (rows, columns) = size, self.crop
        if columns > width or rows > height:
            raise PictureError(
                f"{rows}x{columns} does not fit into the resized picture of {height}x{width}; "
                "give a smaller --crop or a larger --resize",
                "crop",
            )
        left, upper = round((width - columns) / 2), round((height - rows) / 2)
        return left, upper, left + columns, upper + rows


@dataclass(frozen=True)
class Picture:
    """A picture, and what the network sees of it.

    Attributes:
        photograph: As it is in the file, upright, RGB.
        seen: As the network sees it before --mean and --std: RGB, or L with --grayscale.
        box: Left, upper, right and lower edge of what is seen, in pixels of the photograph.
        notes: What of the file is left out.
    """

    photograph: Image.Image
    seen: Image.Image
    box: tuple[float, float, float, float]
    notes: tuple[str, ...] = ()


def load_picture(path: str, frame: Frame, grayscale: bool, max_pixels: int) -> Picture:
    """Read a picture upright, in 8 bits a channel, and cut from it what the network sees.

    Raises:
        PictureError: It cannot be read, has more than `max_pixels` pixels, or the frame does not
            fit.
    """
    from PIL import Image

    photograph, gray, notes = _read(path, grayscale, max_pixels)
    width, height = frame.resized(photograph.size)
    if width * height > max_pixels:
        raise PictureError(
            f"{path} would become {height}x{width} pixels, more than {max_pixels}; "
            "--max-pixels N sets that limit",
            "size or --resize",
        )
    left, upper, right, lower = cut = frame.cut((width, height))
    source = photograph if gray is None else gray
    seen = source.resize((width, height), Image.Resampling.BILINEAR)
    if frame.crop is not None:
        seen = seen.crop(cut)
    across, down = photograph.width / width, photograph.height / height
    box = left * across, upper * down, right * across, lower * down
    return Picture(photograph, seen, box, notes)


def to_input(
    picture: Image.Image, mean: Sequence[float], std: Sequence[float], bgr: bool = False
) -> np.ndarray:
    """Return (picture / 255 - mean) / std as float32 of shape [1, C, H, W].

    With `bgr` the channels, and `mean` and `std` with them, are blue, green, red.
    """
    values = np.asarray(picture, np.float32) / 255  # [H, W] or [H, W, C]
    channels = np.atleast_3d(values).transpose(2, 0, 1)[None]
    if bgr:
        channels = channels[:, ::-1]
    count = channels.shape[1]
    for option, given in (("mean", mean), ("std", std)):
        if len(given) not in (1, count):
            raise PictureError(
                f"must hold 1 or {count} values for {count} channels, got {len(given)}", option
            )
    shape = (1, -1, 1, 1)
    centred = channels - np.asarray(mean, np.float32).reshape(shape)
    return np.ascontiguousarray(centred / np.asarray(std, np.float32).reshape(shape))


def _read(
    path: str, grayscale: bool, max_pixels: int
) -> tuple[Image.Image, Image.Image | None, tuple[str, ...]]:
    """The picture upright in RGB, the same in L if it is asked for, and notes."""
    from PIL import Image, ImageOps

    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            _pillow_limit(None),
            Image.open(path) as opened,
        ):
            _check(path, opened, max_pixels)
            notes = _notes(path, opened)
            with _pillow_limit(max_pixels):  # some formats hold a larger picture than they say
                opened.load()
                if _is_transparent(opened):
                    notes.append(f"{path} is transparent in parts; the transparency is dropped")
                upright = ImageOps.exif_transpose(opened)
            photograph = upright.convert("RGB") if upright.mode != "RGB" else upright
            gray = upright.convert("L") if grayscale else None
        said = (str(each.message) for each in caught if each.category is UserWarning)
        notes += [f"{path}: Pillow says: {' '.join(text.split())}" for text in said]
        return photograph, gray, tuple(dict.fromkeys(notes))
    except PictureError:
        raise
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise PictureError(f"cannot read {path}: {reason}") from error
    except Exception as error:  # a broken file makes Pillow's readers raise whatever they meet
        raise PictureError(f"cannot read {path}: {first_line(error)}") from error


def _check(path: str, opened: Image.Image, max_pixels: int) -> None:
    """Refuse by its header, before it is decoded, what cannot be explained."""
    width, height = opened.size
    if width * height > max_pixels:
        raise PictureError(
            f"{path} has {width * height} pixels ({width} by {height}), more than "
            f"{max_pixels}; make it smaller, or set the limit with --max-pixels N",
        )
    if opened.mode[0] in "IF":
        raise PictureError(
            f"{path} has pixels of mode {opened.mode}; save it with 8 bits a channel"
        )


def _notes(path: str, opened: Image.Image) -> list[str]:
    if opened.format in _WITHOUT_NOTE or not getattr(opened, "is_animated", False):
        return []
    return [f"{path} holds several pictures; the first one is explained"]


def _is_transparent(image: Image.Image) -> bool:
    if image.getbands()[-1] in ("A", "a"):
        alpha = image.getchannel(image.getbands()[-1])
    elif "transparency" in image.info:
        alpha = image.convert("RGBA").getchannel("A")
    else:
        return False
    return int(np.asarray(alpha).min()) < 255


@contextmanager
def _pillow_limit(max_pixels: int | None) -> Iterator[None]:
    """Make Pillow refuse larger pictures; None for no limit of its own."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
