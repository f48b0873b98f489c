"""Which windows Occlusion covers in images of a size."""

from __future__ import annotations

from fastxai.ops import OcclusionSpec

_WINDOWS_PER_AXIS = 32
_SMALL_WINDOW = 3  # of axes up to _WINDOWS_PER_AXIS pixels, with stride 1

Pair = tuple[int, int]


def windows_of(owner: str, size: Pair, window: Pair | None, strides: Pair | None) -> OcclusionSpec:
    """The windows; what the caller does not name is mindspore_xai's.

    Args:
        owner: Name for messages.
        size: (H, W) of the images.
        window: (rows, columns) in pixels; None: per axis of v pixels, v // 32 if v > 32, else 3.
        strides: (rows, columns) from one window to the next; None: the window if it was named, else
            the default window where v > 32, else 1.

    Raises:
        ValueError: The window is larger than the images.
    """
    strides = strides or window or _per_axis(size, 1)
    window = window or _per_axis(size, _SMALL_WINDOW)
    if window[0] > size[0] or window[1] > size[1]:
        raise ValueError(
            f"{owner}: the window {window} does not fit into images of {size} pixels; "
            "give a smaller `window`."
        )
    return OcclusionSpec(size, window, strides)


def _per_axis(size: Pair, small: int) -> Pair:
    rows, cols = (v // _WINDOWS_PER_AXIS if v > _WINDOWS_PER_AXIS else small for v in size)
    return rows, cols
