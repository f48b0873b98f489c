"""Results of the explanation of one image, and of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastxai.masks.error_bar import ErrorBar


@dataclass(frozen=True)
class ImageResult:
    """Maps of one image.

    Attributes:
        saliency: (L, H, W) float64.
        units: Masks or windows that were scored.
        error: How sure the maps are; None where nobody asked or there is no chance in them.
        scores: (L, 2) float64, mean and standard deviation of each target's scores of the copies;
            None where the maps come from a file.
        exact: Masks that were scored in float32 too; None where the precision is not 'mixed'.
    """

    saliency: np.ndarray
    units: int
    error: ErrorBar | None = None
    scores: np.ndarray | None = None
    exact: int | None = None


def stacked(found: Sequence[ImageResult]) -> dict[str, Any]:
    """Of all images, the arrays of an `Explanation`; of none, none."""
    if not found:
        return {}
    arrays: dict[str, Any] = {
        "saliency": np.stack([each.saliency for each in found]).astype(np.float32),
        "num_masks": np.array([each.units for each in found], np.int64),
    }
    if found[0].exact is not None:
        arrays["exact_masks"] = np.array([each.exact for each in found], np.int64)
    bars = [each.error for each in found if each.error is not None]
    if bars:
        arrays |= {
            "standard_error": np.stack([bar.standard_error for bar in bars]).astype(np.float32),
            "degrees_of_freedom": np.array([bar.degrees_of_freedom for bar in bars], np.int64),
            "correlation": np.stack([bar.correlation for bar in bars]),
        }
    return arrays


def unstacked(arrays: dict[str, np.ndarray]) -> list[ImageResult]:
    """What `stacked` made arrays of."""
    units = arrays.get("num_masks", ())
    errors: list[ErrorBar | None] = [None] * len(units)
    if "standard_error" in arrays:
        names = ("standard_error", "degrees_of_freedom", "correlation")
        parts = zip(*(arrays[name] for name in names), strict=True)
        errors = [ErrorBar(square, int(freedom), rho) for square, freedom, rho in parts]
    exact = arrays["exact_masks"].tolist() if "exact_masks" in arrays else [None] * len(units)
    return [
        ImageResult(
            arrays["saliency"][index],
            int(number),
            errors[index],
            exact=exact[index],
        )
        for index, number in enumerate(units)
    ]
