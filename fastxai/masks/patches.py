"""Cells that are the patches which a transformer cuts an image into."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

# Input channels, kernel and stride (rows, columns) of each.
Convolutions: TypeAlias = tuple[tuple[int, tuple[int, int], tuple[int, int]], ...]

_FORM = re.compile(r"patch(?::([1-9]\d{0,3})(?:x([1-9]\d{0,3}))?)?")


def check_grid(owner: str, grid: Any) -> str | None:
    """None, or 'patch', 'patch:16' or 'patch:16x8' of rows and columns in pixels.

    Raises:
        TypeError: It is no str.
        ValueError: It is another one.
    """
    if grid is None:
        return None
    if not isinstance(grid, str):
        raise TypeError(f"{owner}: `grid` must be None or a str, got {type(grid).__name__}.")
    if _FORM.fullmatch(grid) is None:
        raise ValueError(
            f"{owner}: `grid` must be 'patch', or 'patch:16' or 'patch:16x8' in pixels, got "
            f"{grid!r}."
        )
    return grid


def named_patch(grid: str) -> tuple[int, int] | None:
    """(rows, columns) that a checked `grid` names; None where it names none."""
    found = _FORM.fullmatch(grid)
    assert found is not None
    rows, columns = found.groups()
    return None if rows is None else (int(rows), int(columns or rows))


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


def cells_of(
    owner: str, grid: str, patch: tuple[int, int] | None, size: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Patch and cells (rows, columns) of images.

    Args:
        owner: Name for messages.
        grid: As `check_grid` took it.
        patch: What was found of the network.
        size: (H, W) of the images.

    Raises:
        ValueError: The patch is not known, or the image is no whole number of patches.
    """
    used = named_patch(grid) or patch
    if used is None:
        raise ValueError(
            f"{owner}: `grid` is 'patch', and `network` does not show how it cuts images: it has "
            "no convolution of the image that steps by its kernel, or several. Give the size in "
            "pixels: grid='patch:16'."
        )
    if size[0] % used[0] or size[1] % used[1]:
        raise ValueError(
            f"{owner}: `grid` {grid!r} needs images of whole patches of {used[0]}x{used[1]} "
            f"pixels, got {size[0]}x{size[1]}: resize or crop them."
        )
    return used, (size[0] // used[0], size[1] // used[1])
