"""Which windows Occlusion covers in images of a size."""

from __future__ import annotations

from fastxai.ops import OcclusionSpec

_WINDOWS_PER_AXIS = 32
_AUTO_SHARE, _AUTO_STEPS = 7, 4  # a window of an axis / 7, in steps of a quarter of it
_SMALL_WINDOW = 3  # of axes up to _WINDOWS_PER_AXIS pixels, with stride 1

AUTO = "auto"
Pair = tuple[int, int]


def windows_of(
    owner: str, size: Pair, window: Pair | str | None, strides: Pair | None
) -> OcclusionSpec:
    """The windows; what the caller does not name is mindspore_xai's.

    Args:
        owner: Name for messages.
        size: (H, W) of the images.
        window: (rows, columns) in pixels; None: per axis of v pixels, v // 32 if v > 32, else 3;
            'auto': see `auto_windows`.
        strides: (rows, columns) from one window to the next; None: that of 'auto', the window if it
            was named, else the default window where v > 32, else 1.

    Raises:
        ValueError: The window is larger than the images.
    """
    if isinstance(window, str):
        window, steps = auto_windows(size)
        strides = strides or steps
    strides = strides or window or _per_axis(size, 1)
    window = window or _per_axis(size, _SMALL_WINDOW)
    if window[0] > size[0] or window[1] > size[1]:
        raise ValueError(
            f"{owner}: the window {window} does not fit into images of {size} pixels; "
            "give a smaller `window`."
        )
    return OcclusionSpec(size, window, strides)


def auto_windows(size: Pair) -> tuple[Pair, Pair]:
    """The window and strides of 'auto': 32 pixels in steps of 8 at 224, in proportion elsewhere.

    Per axis of v pixels a window of v / 7, at least 3 and at most v, in steps of a quarter of it,
    at least 1.

    Example:
        >>> auto_windows((224, 96))
        ((32, 14), (8, 4))
    """
    rows, cols = (min(v, max(_SMALL_WINDOW, round(v / _AUTO_SHARE))) for v in size)
    down, right = (max(1, round(n / _AUTO_STEPS)) for n in (rows, cols))
    return (rows, cols), (down, right)


def _per_axis(size: Pair, small: int) -> Pair:
    rows, cols = (v // _WINDOWS_PER_AXIS if v > _WINDOWS_PER_AXIS else small for v in size)
    return rows, cols
