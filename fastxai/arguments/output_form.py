"""Output form of a call: the maps as a Tensor or as pictures, displayed in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RETURNS = ("tensor", "image")


def check_output_form(owner: str, ret: Any, show: Any, *further: str) -> None:
    """Refuses a `ret` other than 'tensor', 'image' and the `further` ones, and another `show`.

    Raises:
        TypeError: One is of the wrong kind.
        ValueError: `ret` is an unknown word.
    """
    if not isinstance(ret, str):
        raise TypeError(f"{owner}: `ret` must be a str, got {type(ret).__name__}.")
    known = (*RETURNS, *further)
    if ret not in known:
        raise ValueError(f"{owner}: `ret` must be one of {known}, got {ret!r}.")
    if show is not None and not isinstance(show, bool):
        raise TypeError(f"{owner}: `show` must be a bool or None, got {type(show).__name__}.")


def is_shown(show: bool | None) -> bool:
    """Whether maps are displayed; None displays them in a notebook only."""
    from fastxai.visual.cv.display import in_notebook

    return in_notebook() if show is None else show


def delivered(
    maps: np.ndarray, ret: str, show: bool | None, tensor: Callable[[np.ndarray], Any]
) -> Any:
    """Maps as the caller wants them, displayed where asked.

    Args:
        maps: (N, L, H, W) of any float dtype.
        ret: 'tensor' or 'image'.
        show: As in a call.
        tensor: Makes a Tensor of maps (N, L, H, W) float32.
    """
    from fastxai.visual.cv.display import show_images, to_images

    maps = np.ascontiguousarray(maps, dtype=np.float32)
    show = is_shown(show)
    if ret == "tensor" and not show:
        return tensor(maps)
    images = to_images(maps)
    if show:
        show_images(images)
    return images if ret == "image" else tensor(maps)
