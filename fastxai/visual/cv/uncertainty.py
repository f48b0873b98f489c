"""Pictures of how sure a saliency map is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastxai.visual.cv.saliency import (
    ColorMap,
    as_map,
    brightest,
    check_percentile,
    saliency_to_image,
)

if TYPE_CHECKING:
    from PIL import Image

_ERRORS = 2.0  # standard errors to each side: an interval of about 95 %


def uncertainty_to_image(
    standard_error: Any,
    saliency: Any,
    original: Image.Image | None = None,
    cm: ColorMap | None = None,
    with_alpha: bool = False,
    *,
    clip_percentile: float | None = None,
) -> Image.Image:
    """Paint the error bar of a saliency map as a picture, alone or over the picture it explains.

    A pixel shows how two standard errors compare with the range of the map, its largest value minus
    its smallest: 0 (dark, and transparent over an original) where the value is sure, 1 (bright)
    where its error is as large as everything that there is to see. In a constant map every error
    is.

    Args:
        standard_error: Tensor or array (H, W), or with axes of length 1 added; float32 or float64,
            such as `Explanation.standard_error[0, 0]`.
        saliency: The map, of the same shape.
        original: Pillow picture to paint over, as in `saliency_to_image`.
        cm: Colour map, see `saliency_to_rgba`; None takes viridis.
        with_alpha: True returns an RGBA picture; False an RGB one.
        clip_percentile: As the map itself is painted, see `saliency_to_image`: the range ends at
            this percentile in place of the maximum. None takes the maximum.

    Returns:
        Pillow picture of size (W, H), mode RGB or RGBA.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A dtype or shape is wrong, the shapes differ, a standard error is negative, or
            `clip_percentile` is not in (0, 100].

    Source:
        Ours.

    Supported Platforms:
        Any: computed by NumPy and Pillow on the host.

    Examples:
        >>> import numpy as np
        >>> from fastxai.visual.cv import uncertainty_to_image
        >>> picture = uncertainty_to_image(np.full((4, 6), 0.1), np.eye(4, 6))
        >>> picture.size, picture.mode
        ((6, 4), 'RGB')
    """
    name = "uncertainty_to_image"
    errors = as_map(name, standard_error, "standard_error")
    values = as_map(name, saliency)
    if errors.shape != values.shape:
        raise ValueError(
            f"{name}: `standard_error` must be of the shape of `saliency`, {values.shape}, got "
            f"{errors.shape}."
        )
    if (errors < 0).any():
        raise ValueError(f"{name}: `standard_error` must be 0 or more, got {errors.min()}.")
    check_percentile(name, clip_percentile, normalize=True)
    extent = float(brightest(values, clip_percentile)) - float(values.min())
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(np.minimum(_ERRORS * errors / extent, 1.0), nan=0.0)
    return saliency_to_image(share, original, cm, normalize=False, with_alpha=with_alpha)
