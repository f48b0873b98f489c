"""Pictures of a whole saliency Tensor, and showing them on a screen or in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.visual.cv.pixels import eight_bit
from fastxai.visual.cv.saliency import check_percentile, saliency_to_image

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

_MAX_COLUMNS = 4
_INCHES_PER_PICTURE = 3.0


def to_images(saliency: Any, *, clip_percentile: float | None = None) -> list[list[Image.Image]]:
    """Paint every map of a saliency Tensor with `saliency_to_image`'s defaults.

    Args:
        saliency: Tensor or array of shape (N, L, H, W), N images by L targets; float32 or
            float64. Each map is normalised by itself.
        clip_percentile: Percentile of each map that gets the brightest colour in place of its
            maximum, see `saliency_to_image`; None takes the maximum.

    Returns:
        N lists of L Pillow pictures, RGB, of size (W, H).

    Raises:
        TypeError: `saliency` is neither a Tensor nor an array, or `clip_percentile` is no number.
        ValueError: `saliency` is not 4-D, or not float32 or float64, or `clip_percentile` is not in
            (0, 100].

    Supported Platforms:
        Any: computed by NumPy and Pillow on the host.

    Examples:
        >>> import numpy as np
        >>> from fastxai.visual.cv.display import to_images
        >>> images = to_images(np.zeros((2, 3, 4, 5), np.float32))
        >>> len(images), len(images[0]), images[0][0].size
        (2, 3, (5, 4))
    """
    maps = saliency
    if not isinstance(maps, np.ndarray) and hasattr(maps, "asnumpy"):
        maps = maps.asnumpy()
    if not isinstance(maps, np.ndarray):
        kind = type(saliency).__name__
        raise TypeError(f"to_images: `saliency` must be a Tensor or a numpy.ndarray, got {kind}.")
    if maps.ndim != 4:
        raise ValueError(f"to_images: `saliency` must be of shape (N, L, H, W), got {maps.shape}.")
    check_percentile("to_images", clip_percentile, normalize=True)
    return [
        [saliency_to_image(one, clip_percentile=clip_percentile) for one in of_image]
        for of_image in maps
    ]


def show_images(images: Sequence[Sequence[Image.Image]]) -> None:
    """Show pictures: one in the system's viewer, several in one matplotlib figure.

    A figure has at most 4 columns; the picture of target j of image i is titled ``[i][j]``. In a
    Jupyter notebook both go through IPython's display.

    Args:
        images: N lists of L Pillow pictures, as `to_images` returns them, or of other modes that
            say what white is, as in `saliency_to_image`. Nothing is shown when there is none.

    Raises:
        RuntimeError: Several pictures are to be shown and matplotlib is not installed.
        ValueError: One of several does not say what white is.

    Supported Platforms:
        Any.

    Examples:
        >>> import numpy as np
        >>> from fastxai.visual.cv.display import show_images, to_images
        >>> show_images(to_images(np.eye(8)[None, None]))  # doctest: +SKIP
    """
    titled = [
        (f"[{i}][{j}]", image)
        for i, of_image in enumerate(images)
        for j, image in enumerate(of_image)
    ]
    if not titled:
        return
    if len(titled) == 1:
        image = titled[0][1]
        if in_notebook():
            _notebook_display(image)
        else:
            image.show()
        return
    _show_figure(titled)


def in_notebook() -> bool:
    """Tell whether the code runs in a Jupyter kernel, asked anew at every call.

    IPython is not imported: a process without it in `sys.modules` is no notebook.

    Returns:
        True in a Jupyter notebook, lab or console; False in a terminal, IPython's included.

    Supported Platforms:
        Any.

    Examples:
        >>> from fastxai.visual.cv.display import in_notebook
        >>> in_notebook()
        False
    """
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and type(get_ipython()).__name__ == "ZMQInteractiveShell"


def _show_figure(titled: Sequence[tuple[str, Image.Image]]) -> None:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise RuntimeError(
            "show_images: showing several pictures needs matplotlib; pip install matplotlib."
        ) from error
    columns = min(_MAX_COLUMNS, len(titled))
    rows = -(-len(titled) // columns)
    figure = pyplot.figure(figsize=(columns * _INCHES_PER_PICTURE, rows * _INCHES_PER_PICTURE))
    _fill(figure, rows, columns, titled)
    if not in_notebook():
        pyplot.show()
        return
    try:
        _notebook_display(figure)
    finally:
        pyplot.close(figure)  # else the inline backend shows it a second time


def _fill(
    figure: Figure, rows: int, columns: int, titled: Sequence[tuple[str, Image.Image]]
) -> None:
    for place, (title, image) in enumerate(titled, start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.set_title(title)
        axes.axis("off")
        # As colours: matplotlib would stretch a grey picture to the colours of a map.
        mode = "RGB" if image.mode == "RGB" else "RGBA"
        axes.imshow(np.asarray(eight_bit("show_images", "images", image, mode)))


def _notebook_display(item: Any) -> None:
    from IPython.display import display

    display(item)
