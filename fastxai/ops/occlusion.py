"""Windows covered one at a time, and the drops summed over them."""

from __future__ import annotations

import numpy as np

from fastxai.ops.base_value import base_values
from fastxai.ops.checks import (
    MAX_FIRST,
    apart,
    as_float,
    check_array,
    check_elements,
    check_int,
    check_out,
    check_spec,
    float_image,
)
from fastxai.ops.native import native, use_native
from fastxai.ops.params import OcclusionSpec


def occlusion_fill(
    image: np.ndarray,
    spec: OcclusionSpec,
    first: int = 0,
    count: int = 1,
    *,
    base_value: float | tuple[float, ...] | np.ndarray = 0.0,
    out: np.ndarray | None = None,
    backend: str = "auto",
) -> np.ndarray:
    """Copies of an image, each with one window covered.

    Args:
        image: (C, H, W) numeric; used as float32.
        spec: The windows; `spec.size` is (H, W).
        first: Number of the first window; outside 0 .. num_windows - 1 nothing is covered.
        count: M, how many.
        base_value: What a covered pixel shows: a number, one per channel, or a picture (C, H, W).
        out: (M, C, H, W) float32 array to write into; may overlap `image`.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (M, C, H, W) float32: `out` if it was given.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape or a value does not fit, or the output has 2^31 elements or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Precision:
        Exact: values are copied.

    Source:
        Zeiler and Fergus, ECCV 2014, section 4.2.

    Example:
        >>> spec = OcclusionSpec(size=(8, 8), window=(3, 3), strides=(1, 1))
        >>> occlusion_fill(np.ones((1, 8, 8), np.float32), spec, count=2).sum(axis=(1, 2, 3))
        array([55., 55.], dtype=float32)
    """
    owner = "occlusion_fill"
    image, base = _checked(owner, image, spec, base_value)
    params = spec.params(first, count)
    shape = (count, *image.shape)
    check_elements(owner, shape)
    if out is None:
        out = np.empty(shape, np.float32)
    else:
        check_out(owner, out, shape, np.float32)
    image, base = apart(image, out), apart(base, out)
    if use_native(backend, owner):
        native().occlusion_fill(image, base, params, out)
    else:
        from fastxai import reference

        out[...] = reference.occlusion_fill(image, base, first, count, spec.window, spec.strides)
    return out


def occlusion_patch(
    batch: np.ndarray,
    image: np.ndarray,
    spec: OcclusionSpec,
    previous_first: int,
    first: int,
    *,
    base_value: float | tuple[float, ...] | np.ndarray = 0.0,
    backend: str = "auto",
) -> None:
    """Makes a batch of earlier windows of the same image hold other windows, in place.

    Only the pixels of the old and of the new windows are written.

    Args:
        batch: (M, C, H, W) float32, as `occlusion_fill` left it; may overlap `image`.
        image: (C, H, W), the same image.
        spec: The windows.
        previous_first: Number of the window that row 0 holds now.
        first: Number of the window that row 0 is to hold.
        base_value: What a covered pixel shows: a number, one per channel, or a picture (C, H, W).
        backend: 'auto', 'native' or 'reference'.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape or a value does not fit.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Example:
        >>> spec = OcclusionSpec(size=(8, 8), window=(3, 3), strides=(1, 1))
        >>> image = np.ones((1, 8, 8), np.float32)
        >>> batch = occlusion_fill(image, spec, first=0, count=2)
        >>> occlusion_patch(batch, image, spec, previous_first=0, first=2)
        >>> bool((batch == occlusion_fill(image, spec, first=2, count=2)).all())
        True
    """
    owner = "occlusion_patch"
    image, base = _checked(owner, image, spec, base_value)
    check_array(owner, "batch", batch, "f", "an ndarray of float32")
    shape = (len(batch) if batch.ndim else 0, *image.shape)
    check_out(owner, batch, shape, np.float32, "batch")
    check_elements(owner, shape)
    previous = check_int(owner, "previous_first", previous_first, -MAX_FIRST, MAX_FIRST)
    params = spec.params(first, len(batch))
    image, base = apart(image, batch), apart(base, batch)
    if use_native(backend, owner):
        native().occlusion_patch(image, base, params, previous, batch)
    else:
        from fastxai import reference

        reference.occlusion_patch(batch, image, base, previous, first, spec.window, spec.strides)


def occlusion_sum(drops: np.ndarray, spec: OcclusionSpec, *, backend: str = "auto") -> np.ndarray:
    """Per pixel, the sum of the drops of the windows over it, divided by 1 + their number.

    Args:
        drops: (T, num_windows) score drops, floating. One that is not finite shows in the pixels
            under its window alone.
        spec: The windows.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (T, H, W) float64, exactly 0 where no window reaches.

    Raises:
        TypeError: `drops` is not a float array.
        ValueError: It has another shape.
        RuntimeError: `backend` is 'native' and the package has no native kernels.

    Precision:
        float64 sums by differences of a summed-area table; within 1e-13 of the sum of |drops|.

    Example:
        >>> spec = OcclusionSpec(size=(2, 2), window=(2, 2), strides=(1, 1))
        >>> occlusion_sum(np.array([[1.0]]), spec)
        array([[[0.5, 0.5],
                [0.5, 0.5]]])
    """
    owner = "occlusion_sum"
    check_spec(owner, spec, OcclusionSpec)
    check_array(owner, "drops", drops, "f", "a float ndarray")
    if drops.ndim != 2 or drops.shape[1] != spec.num_windows:
        raise ValueError(
            f"{owner}: `drops` must be (T, {spec.num_windows}), got shape {drops.shape}."
        )
    check_elements(owner, (len(drops), *spec.size))
    drops = as_float(owner, "drops", drops, np.float64)
    if not use_native(backend, owner):
        from fastxai import reference

        return reference.occlusion_sum(drops, spec.size, spec.window, spec.strides)
    maps = np.empty((len(drops), *spec.size))
    native().occlusion_sum(drops, spec.params(0, 0), maps)
    return maps


def _checked(
    owner: str, image: np.ndarray, spec: OcclusionSpec, base_value: object
) -> tuple[np.ndarray, np.ndarray]:
    check_spec(owner, spec, OcclusionSpec)
    image = float_image(owner, image)
    if image.shape[1:] != spec.size:
        raise ValueError(f"{owner}: `image` must be {spec.size} pixels, got {image.shape[1:]}.")
    return image, base_values(owner, base_value, image.shape)
