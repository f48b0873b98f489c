"""Colour maps applied to maps, and the range of what they return."""

from __future__ import annotations

import numpy as np

from fastxai.visual.cv.saliency import ColorMap, described

_TOLERANCE = 0.5 / 255  # half of what 8 bits tell apart


def colored(
    name: str,
    values: np.ndarray,
    cm: ColorMap | None,
    alpha_factor: float,
    as_uint8: bool,
) -> np.ndarray:
    """Colours (H, W, 4) of a map as it is, see `saliency_to_rgba`.

    Args:
        name: Of the function that is called, for messages.
        values: Map (H, W), floats.
        cm: As in `saliency_to_rgba`.
        alpha_factor: The same.
        as_uint8: The same.

    Raises:
        ValueError: `cm` is not callable, or returns no colours.
        RuntimeError: `cm` is None and matplotlib is not installed.
    """
    if cm is None:
        cm = _viridis()
    elif not callable(cm):
        raise ValueError(f"{name}: `cm` must be callable or None, got {described(cm)}.")
    colors = np.asarray(cm(values))
    if colors.shape not in (values.shape + (3,), values.shape + (4,)):
        raise ValueError(
            f"{name}: `cm` must return colours of shape {values.shape + (4,)}, got {colors.shape}."
        )
    _check_range(name, values, colors)
    dtype = np.result_type(colors.dtype, np.float32)
    if not _is_unsigned(colors):
        colors = colors.astype(dtype, copy=False)
    opacity = np.clip(np.nan_to_num(values * alpha_factor, nan=0.0), 0, 1).astype(dtype)
    made = _as_bytes if as_uint8 else _as_floats
    rgba = np.empty(values.shape + (4,), np.uint8 if as_uint8 else dtype)
    rgba[..., :3] = made(colors[..., :3])
    rgba[..., 3] = made(opacity)
    return rgba


def _check_range(name: str, values: np.ndarray, colors: np.ndarray) -> None:
    """Refuses colours that do not say what the brightest is."""
    if colors.dtype.kind not in "fb" and not _is_unsigned(colors):
        raise ValueError(
            f"{name}: `cm` must return colours as floats in [0, 1], uint8 or uint16, got "
            f"{colors.dtype.name}."
        )
    finite = np.isfinite(values)
    # A map that leaves [0, 1] may take its colours along: they are cut.
    if colors.dtype.kind != "f" or _excess(values[finite]) > 0:
        return
    known = np.nan_to_num(colors[finite], nan=0.0)
    if _excess(known) > _TOLERANCE:
        raise ValueError(
            f"{name}: `cm` must return floats in [0, 1], or uint8 colours in [0, 255], got "
            f"{colors.dtype.name} from {known.min()} to {known.max()}."
        )


def _excess(values: np.ndarray) -> float:
    """The largest distance of values from [0, 1]."""
    return max(-float(values.min(initial=0.0)), float(values.max(initial=1.0)) - 1)


def _is_unsigned(colors: np.ndarray) -> bool:
    """Whether the dtype itself says what the brightest colour is: uint8 and uint16."""
    return colors.dtype.kind == "u" and colors.dtype.itemsize <= 2


def _as_floats(colors: np.ndarray) -> np.ndarray:
    """Colours in [0, 1]."""
    if _is_unsigned(colors):
        return colors / np.float32(np.iinfo(colors.dtype).max)
    return colors


def _as_bytes(colors: np.ndarray) -> np.ndarray:
    """Colours in [0, 255], rounded down."""
    if _is_unsigned(colors):
        return colors // (np.iinfo(colors.dtype).max // 255)
    # NaN to uint8 is undefined in C: the colour of a NaN pixel differs between machines.
    finite = np.nan_to_num(colors, nan=0.0, posinf=1.0, neginf=0.0)
    return np.clip(finite * 255, 0, 255).astype(np.uint8)


def _viridis() -> ColorMap:
    try:
        from matplotlib import colormaps
    except ImportError as error:
        raise RuntimeError(
            "fastxai.visual.cv: the default colour map needs matplotlib; "
            "pip install matplotlib, or pass `cm`."
        ) from error
    return colormaps["viridis"]
