"""Windows and strides of Occlusion where the caller names none: mindspore_xai's."""

_WINDOWS_PER_AXIS = 32
_SMALL_WINDOW = 3  # of axes up to _WINDOWS_PER_AXIS pixels, with stride 1


def default_window(size: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of a window for images of a size."""
    rows, cols = (v // _WINDOWS_PER_AXIS if v > _WINDOWS_PER_AXIS else _SMALL_WINDOW for v in size)
    return rows, cols


def default_strides(size: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) from one window to the next."""
    rows, cols = (v // _WINDOWS_PER_AXIS if v > _WINDOWS_PER_AXIS else 1 for v in size)
    return rows, cols
