"""The slow, obviously right version of every native op: NumPy in float64, nothing of ours.

It is what the kernels are tested against, and what the package works through where the native
module could not be built. Formulas and tables: the README of each folder under `kernels/`.
"""

from fastxai.reference.mask_grid import mask_grid
from fastxai.reference.mask_upsample import bilinear_matrix, mask_upsample
from fastxai.reference.masked_product import masked_product
from fastxai.reference.occlusion import (
    occlusion_fill,
    occlusion_grid,
    occlusion_patch,
    occlusion_sum,
)
from fastxai.reference.philox import philox4x32
from fastxai.reference.pixel_fill import pixel_fill
from fastxai.reference.placement import place_columns, placement_cost
from fastxai.reference.saliency_accumulate import saliency_accumulate, saliency_expand

__all__ = [
    "bilinear_matrix",
    "mask_grid",
    "mask_upsample",
    "masked_product",
    "occlusion_fill",
    "occlusion_grid",
    "occlusion_patch",
    "occlusion_sum",
    "philox4x32",
    "pixel_fill",
    "place_columns",
    "placement_cost",
    "saliency_accumulate",
    "saliency_expand",
]
