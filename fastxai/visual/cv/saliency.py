"""Colours and pictures from saliency maps.

Pillow and matplotlib are imported by the functions that need them, when they are called, and
MindSpore never: a Tensor is recognised by its ``asnumpy`` method.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

ColorMap = Callable[[np.ndarray], Any]

_ALPHA_FACTOR = 1.2  # opacity reaches 1 at five sixths of the normalised range
_NARROW = ("float16", "bfloat16")
_DTYPES = (*_NARROW, "float32", "float64")


def normalize_saliency(saliency: Any, *, clip_percentile: float | None = None) -> np.ndarray:
    """Stretch a saliency map to the range [0, 1].

    The result is ``(s - min(s)) / (max(s) - min(s))``. A constant map, and a map that holds a
    NaN or an infinity, comes back unchanged.

    Args:
        saliency: Tensor or array, shape (H, W) or (H, W) with axes of length 1 added, such as
            (1, 1, H, W); float32 or float64, or float16 and bfloat16, which are widened to
            float32. Any range.
        clip_percentile: Percentile in (0, 100] that takes the place of the maximum: larger values
            become 1. It is taken over the values above the minimum, so that a map of few pixels on
            a background of zeros keeps them. 99 suits gradients of photographs, where a few pixels
            are so large that all others look dark. None stretches to the maximum, as 100 does.

    Returns:
        A new array of shape (H, W); float64 for float64 input, else float32.

    Raises:
        TypeError: `saliency` is neither a Tensor nor an array, or `clip_percentile` is no number.
        ValueError: The dtype is not one of those above, the map is empty, the shape is not
            (H, W) once axes of length 1 are dropped, or `clip_percentile` is out of range.

    Source:
        mindspore_xai's function of this name: the same numbers. It refuses float16 and maps of one
        row or column, and has no `clip_percentile`.

    Supported Platforms:
        Any: computed by NumPy on the host.

    Examples:
        >>> import numpy as np
        >>> from fastxai.visual.cv import normalize_saliency
        >>> normalize_saliency(np.array([[2.0, 4.0], [3.0, 6.0]]))
        array([[0.  , 0.5 ],
               [0.25, 1.  ]])
    """
    name = "normalize_saliency"
    values = as_map(name, saliency)
    check_percentile(name, clip_percentile, normalize=True)
    return _stretched(values, clip_percentile)


def saliency_to_rgba(
    saliency: Any,
    cm: ColorMap | None = None,
    alpha_factor: float = _ALPHA_FACTOR,
    as_uint8: bool = True,
    normalize: bool = True,
    *,
    clip_percentile: float | None = None,
) -> np.ndarray:
    """Colour a saliency map, the less salient the more transparent.

    Colours are ``cm(s)`` and the opacity is ``s * alpha_factor`` cut to [0, 1], where s is the
    map, normalised first unless `normalize` is False. NaN pixels become transparent.

    Args:
        saliency: Tensor or array as `normalize_saliency` takes it.
        cm: Colour map: a function from (H, W) values to (H, W, 4) or (H, W, 3) colours, such as a
            matplotlib colour map; its own opacity is replaced. Colours are floats in [0, 1], uint8
            in [0, 255], as of matplotlib's ``bytes=True``, or uint16 in [0, 65535]. None takes
            matplotlib's viridis.
        alpha_factor: float. Opacity of saliency 1, before it is cut to [0, 1].
        as_uint8: True for 8-bit colours in [0, 255], rounded down; False for floats in [0, 1].
        normalize: Whether to stretch the map to [0, 1] first, see `normalize_saliency`.
        clip_percentile: Percentile that is stretched to 1 in place of the maximum, see
            `normalize_saliency`; None takes the maximum.

    Returns:
        Colours of shape (H, W, 4): uint8, or the floating dtype that the colour map returns
        (float64 for viridis).

    Raises:
        TypeError: `saliency` is neither a Tensor nor an array, `alpha_factor` is not a float,
            `as_uint8` or `normalize` is not a bool, or `clip_percentile` is no number.
        ValueError: `saliency` has a wrong dtype or shape or masked values, `cm` is not callable or
            returns no (H, W, 4) or (H, W, 3) colours of these kinds, `clip_percentile` is out of
            range, or it is given and `normalize` is False.

    Source:
        mindspore_xai's function of this name: the same numbers. There the colour of a NaN pixel
        depends on the machine.

    Supported Platforms:
        Any: computed by NumPy on the host.

    Examples:
        >>> import numpy as np
        >>> from fastxai.visual.cv import saliency_to_rgba
        >>> saliency_to_rgba(np.array([[0.0, 0.5, 1.0]]))[0, :, 3]
        array([  0, 153, 255], dtype=uint8)
    """
    from fastxai.visual.cv.colors import colored

    name = "saliency_to_rgba"
    values = as_map(name, saliency)
    if not isinstance(alpha_factor, (float, np.floating)):
        raise TypeError(f"{name}: `alpha_factor` must be a float, got {described(alpha_factor)}.")
    _check_bool(name, "as_uint8", as_uint8)
    _check_bool(name, "normalize", normalize)
    check_percentile(name, clip_percentile, normalize)
    if normalize:
        values = _stretched(values, clip_percentile)
    return colored(name, values, cm, float(alpha_factor), as_uint8)


def saliency_to_image(
    saliency: Any,
    original: Image.Image | None = None,
    cm: ColorMap | None = None,
    normalize: bool = True,
    with_alpha: bool = False,
    *,
    clip_percentile: float | None = None,
) -> Image.Image:
    """Paint a saliency map as a picture, alone or over the picture that it explains.

    Args:
        saliency: Tensor or array as `normalize_saliency` takes it.
        original: Pillow picture to paint over; it is turned into RGBA, then resized (bicubic) to
            the size of the map. Any mode but LAB: of 16 bits a channel (I;16) 65535 is white, of
            floats (F) 1 is, and others are refused; so are 32-bit integers (I), except those of
            a PNG file, which are 16-bit. None paints the colours alone.
        cm: Colour map, see `saliency_to_rgba`; None takes viridis.
        normalize: Whether to stretch the map to [0, 1] first, see `normalize_saliency`.
        with_alpha: True returns an RGBA picture; False an RGB one, in which the opacity is
            dropped: without `original` every pixel then shows its full colour.
        clip_percentile: Percentile that gets the brightest colour in place of the maximum, see
            `normalize_saliency`; None takes the maximum.

    Returns:
        Pillow picture of size (W, H), mode RGB or RGBA.

    Raises:
        TypeError: `saliency` is neither a Tensor nor an array, `original` is neither None nor a
            Pillow picture, `normalize` or `with_alpha` is not a bool, or `clip_percentile` is no
            number.
        ValueError: `saliency`, `cm` or `clip_percentile` is wrong as in `saliency_to_rgba`, or
            `original` does not say what white is.

    Source:
        mindspore_xai's function of this name: the same pixels, except over an original with a
        palette, which is turned into RGBA before it is resized, and over one of more than 8 bits a
        channel, which is cut at 255 there.

    Supported Platforms:
        Any: computed by NumPy and Pillow on the host.

    Examples:
        >>> import numpy as np
        >>> from PIL import Image
        >>> from fastxai.visual.cv import saliency_to_image
        >>> photo = Image.new("RGB", (640, 480), "white")
        >>> picture = saliency_to_image(np.eye(4, 6), photo)
        >>> picture.size, picture.mode, picture.getpixel((1, 0))
        ((6, 4), 'RGB', (255, 255, 255))
    """
    from PIL import Image

    from fastxai.visual.cv.colors import colored
    from fastxai.visual.cv.pixels import eight_bit

    name = "saliency_to_image"
    values = as_map(name, saliency)
    if original is not None and not isinstance(original, Image.Image):
        raise TypeError(
            f"{name}: `original` must be a PIL.Image.Image or None, got {described(original)}."
        )
    _check_bool(name, "normalize", normalize)
    _check_bool(name, "with_alpha", with_alpha)
    check_percentile(name, clip_percentile, normalize)
    if normalize:
        values = _stretched(values, clip_percentile)
    picture = Image.fromarray(colored(name, values, cm, _ALPHA_FACTOR, as_uint8=True))
    if original is not None:
        below = eight_bit(name, "original", original, "RGBA").resize(
            picture.size, Image.Resampling.BICUBIC
        )
        picture = Image.alpha_composite(below, picture)
    return picture if with_alpha else picture.convert("RGB")


def described(value: Any) -> str:
    """Value and type of a wrong argument."""
    return f"{value!r} ({type(value).__name__})"


def _check_bool(name: str, argument: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: `{argument}` must be a bool, got {described(value)}.")


def as_map(name: str, saliency: Any, argument: str = "saliency") -> np.ndarray:
    """Return a map as an (H, W) float array, the caller's own memory where possible.

    Args:
        name: Of the function whose argument it is, for messages.
        saliency: Tensor or array.
        argument: Name of the argument.

    Raises:
        TypeError: It is neither.
        ValueError: A wrong dtype or shape, or values that are masked.
    """
    values = saliency
    if not isinstance(values, np.ndarray) and hasattr(values, "asnumpy"):
        values = values.asnumpy()
    if not isinstance(values, np.ndarray):
        kind = type(saliency).__name__
        raise TypeError(f"{name}: `{argument}` must be a Tensor or a numpy.ndarray, got {kind}.")
    if values.dtype.name not in _DTYPES:
        raise ValueError(
            f"{name}: `{argument}` must be float16, bfloat16, float32 or float64, got "
            f"{values.dtype.name}."
        )
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name}: `{argument}` must have no masked values; fill them, as with `filled(0)`."
        )
    dtype = np.dtype(np.float32) if values.dtype.name in _NARROW else values.dtype
    values = np.asarray(values).astype(dtype.newbyteorder("="), copy=False)
    shape = values.shape
    while values.ndim > 2 and 1 in values.shape:
        # The first axis of length 1 goes first, so that (1, 1, 1, W) keeps its height of 1.
        values = values.squeeze(values.shape.index(1))
    if values.ndim != 2:
        raise ValueError(
            f"{name}: `{argument}` must be of shape (H, W) apart from axes of length 1, "
            f"got {shape}."
        )
    if values.size == 0:
        raise ValueError(f"{name}: `{argument}` must not be empty, got shape {shape}.")
    return values


def check_percentile(name: str, value: Any, normalize: bool) -> None:
    """Refuse a wrong `clip_percentile`.

    Args:
        name: Of the function whose argument it is, for messages.
        value: The argument.
        normalize: Whether the map is stretched at all.

    Raises:
        TypeError: It is no number.
        ValueError: It is not in (0, 100], or nothing is stretched.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(
            f"{name}: `clip_percentile` must be a number or None, got {described(value)}."
        )
    if not 0 < value <= 100:
        raise ValueError(f"{name}: `clip_percentile` must be in (0, 100], got {value}.")
    if not normalize:
        raise ValueError(
            f"{name}: `clip_percentile` {value} says what is stretched to 1, and nothing is "
            "stretched with `normalize` False; leave one of them out."
        )


def brightest(values: np.ndarray, clip_percentile: float | None) -> np.floating:
    """The value that is stretched to 1, see `normalize_saliency`.

    Args:
        values: Finite map (H, W).
        clip_percentile: In (0, 100]; None for the maximum.
    """
    high = values.max()
    above = values[values > values.min()]
    if clip_percentile is None or above.size == 0:
        return high
    # Halves: a difference of two values cannot overflow.
    cut = 2 * np.percentile(above.astype(np.float64) / 2, clip_percentile)
    return values.dtype.type(np.clip(cut, above.min(), high))


def _stretched(values: np.ndarray, clip_percentile: float | None) -> np.ndarray:
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)) or low == high:
        return values.copy()
    high = brightest(values, clip_percentile)
    values = np.minimum(values, high)
    with np.errstate(over="ignore"):
        span = high - low
    if np.isfinite(span):
        return (values - low) / span
    return (values / 2 - low / 2) / (high / 2 - low / 2)


# mindspore_xai has these for arrays next to those for Tensors; here one function takes both.
np_normalize_saliency = normalize_saliency
np_saliency_to_rgba = saliency_to_rgba
np_saliency_to_image = saliency_to_image
