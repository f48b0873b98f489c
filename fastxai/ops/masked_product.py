"""An image under a batch of random masks, in one pass."""

from __future__ import annotations

import numpy as np

from fastxai.ops.base_value import base_values
from fastxai.ops.checks import (
    apart,
    check_elements,
    check_out,
    check_spec,
    float_image,
)
from fastxai.ops.mask_grid import mask_grid
from fastxai.ops.native import native, use_native
from fastxai.ops.params import MaskSpec

_DTYPES = {"float32": np.float32, "float16": np.float16, "bfloat16": np.uint16}
_LARGEST = {"float32": np.inf, "float16": 65504.0, "bfloat16": 255 * 2.0**120}


def masked_product(
    image: np.ndarray,
    spec: MaskSpec,
    first: int = 0,
    count: int = 1,
    *,
    base_value: float | tuple[float, ...] | np.ndarray = 0.0,
    dtype: str = "float32",
    out: np.ndarray | None = None,
    backend: str = "auto",
) -> np.ndarray:
    """Masked copies of an image: x m + base (1 - m). No mask is ever stored.

    Args:
        image: (C, H, W) numeric; used as float32, which it must fit.
        spec: What the masks are; `spec.size` is (H, W).
        first: Index of the first mask.
        count: M, how many.
        base_value: What a mask of 0 shows: a number, one per channel, or a picture
            (C, H, W). It must fit `dtype`.
        dtype: 'float32', 'float16' or 'bfloat16' (returned as uint16 bits, NumPy has no bfloat16).
        out: (M, C, H, W) array to write into, contiguous, any alignment; may overlap `image`.
        backend: 'auto', 'native' or 'reference'.

    Returns:
        (M, C, H, W) of `dtype`: `out` if it was given.

    Raises:
        TypeError: An argument is of the wrong kind or dtype.
        ValueError: A shape or a value does not fit, or the output has 2^31 elements or more.
        RuntimeError: `backend` is 'native' and the package has no native kernels; or 'bfloat16' was
            asked of the reference.

    Precision:
        float32 in the order mul, mul, add without contraction, then one rounding to `dtype`, which
        makes pixels too large for it infinite;
        within 4 float32 eps times max(|image|, |base|) of the float64 reference.

    Source:
        Petsiuk et al., BMVC 2018, equation 2, with a base value.

    Example:
        >>> image = np.ones((3, 32, 32), np.float32)
        >>> masked_product(image, MaskSpec(seed=0, size=(32, 32)), count=4).shape
        (4, 3, 32, 32)
    """
    owner = "masked_product"
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"{owner}: `dtype` must be one of {tuple(_DTYPES)}, got {dtype!r}.")
    check_spec(owner, spec, MaskSpec)
    image = float_image(owner, image)
    if image.shape[1:] != spec.size:
        raise ValueError(f"{owner}: `image` must be {spec.size} pixels, got {image.shape[1:]}.")
    base = base_values(owner, base_value, image.shape)
    if np.abs(base).max(initial=0.0) > _LARGEST[dtype]:
        large = base.flat[np.abs(base).argmax()]
        raise ValueError(f"{owner}: `base_value` must fit {dtype}, got {large}.")
    params = spec.params(first, count)
    shape = (count, *image.shape)
    check_elements(owner, shape)
    out = (
        np.empty(shape, _DTYPES[dtype])
        if out is None
        else check_out(owner, out, shape, _DTYPES[dtype])
    )
    image, base = apart(image, out), apart(base, out)
    if use_native(backend, owner):
        native().masked_product(image, base, params, out)
        return out
    if dtype == "bfloat16":
        raise RuntimeError(f"{owner}: the reference path has no bfloat16; use float32.")
    from fastxai import reference

    cells, shifts = mask_grid(spec, first, count, backend="reference")
    masks = reference.mask_upsample(cells, shifts, spec.size, spec.up_size)
    out[...] = reference.masked_product(image, masks, base)
    return out
