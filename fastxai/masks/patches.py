"""Cells that are the patches which a transformer cuts an image into."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

# Input channels, kernel and stride (rows, columns) of each.
Convolutions: TypeAlias = tuple[tuple[int, tuple[int, int], tuple[int, int]], ...]

# The grid of a network whose patches are all there is to it has fewer: 37 x 37 of 14 pixels at 518.
_MOST_CELLS = 2048
_FORM = re.compile(r"patch(?::([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?)?")


def check_patch(owner: str, name: str, given: Any) -> str | None:
    """None, or 'patch', 'patch:16' or 'patch:16x8' of rows and columns in pixels.

    Args:
        owner: Name for messages.
        name: What the argument is called.
        given: The argument.

    Raises:
        TypeError: It is no str.
        ValueError: It is another one.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        raise TypeError(f"{owner}: `{name}` must be None or a str, got {type(given).__name__}.")
    if _FORM.fullmatch(given) is None:
        raise ValueError(
            f"{owner}: `{name}` must be 'patch', or 'patch:16' or 'patch:16x8' in pixels, got "
            f"{given!r}."
        )
    return given


def is_patch(given: Any) -> bool:
    """Whether it is a word that names patches."""
    return isinstance(given, str) and _FORM.fullmatch(given) is not None


def patch_of(convolutions: Convolutions, channels: int) -> tuple[int, int] | None:
    """The patch that a network cuts images into, as far as its convolutions say it.

    Args:
        convolutions: Those of the network.
        channels: Channels of the images.

    Returns:
        (rows, columns) of the kernel of those convolutions of the image that step by their kernel,
        if there are such of one size; else None.
    """
    found = {
        kernel
        for inputs, kernel, stride in convolutions
        if inputs == channels and kernel == stride and max(kernel) > 1
    }
    return found.pop() if len(found) == 1 else None


def patches(
    owner: str,
    name: str,
    given: str,
    convolutions: Callable[[], Convolutions],
    image: tuple[int, int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Patch and cells (rows, columns) of images.

    Args:
        owner: Name for messages.
        name: What the argument is called.
        given: The argument, as `check_patch` took it.
        convolutions: Gives those of the network; asked where no size is given.
        image: (C, H, W).

    Raises:
        ValueError: The patch is not known or one of many small ones, or the image is no whole
            number of patches.
    """
    used, (height, width) = _named(given), image[1:]
    if used is None:
        used = _found(owner, name, convolutions(), image)
    if height % used[0] or width % used[1]:
        raise ValueError(
            f"{owner}: `{name}` {given!r} needs images of whole patches of {used[0]}x{used[1]} "
            f"pixels, got {height}x{width}: resize or crop them."
        )
    return used, (height // used[0], width // used[1])


def _named(given: str) -> tuple[int, int] | None:
    """(rows, columns) that a word names; None where it names none."""
    found = _FORM.fullmatch(given)
    assert found is not None
    rows, columns = found.groups()
    return None if rows is None else (int(rows), int(columns or rows))


def _found(
    owner: str, name: str, convolutions: Convolutions, image: tuple[int, int, int]
) -> tuple[int, int]:
    """The network's patch, if its cells are of use: those of a first stage of several are not.

    Raises:
        ValueError: It is not known, or it is that of a first stage.
    """
    channels, height, width = image
    found = patch_of(convolutions, channels)
    if found is None:
        raise ValueError(
            f"{owner}: `{name}` is 'patch', and `network` does not show how it cuts images: it has "
            "no convolution of the image that steps by its kernel, or several. Give the size in "
            f"pixels: {name}='patch:16'."
        )
    later = any(inputs != channels and max(stride) > 1 for inputs, _, stride in convolutions)
    cells = (height // found[0]) * (width // found[1])
    if later or cells > _MOST_CELLS:
        why = "a later convolution steps further" if later else f"that would be {cells} cells"
        raise ValueError(
            f"{owner}: `{name}` is 'patch', and `network` begins with patches of "
            f"{found[0]}x{found[1]} pixels, which it merges in later stages, as it seems: {why}. "
            "Give the size of the last stage's in pixels, which is 32 for Swin, ConvNeXt and PVT: "
            f"{name}='patch:32'."
        )
    return found
