"""The ops on NumPy arrays, one noun a file.

Beside them: `mindspore_primitives` (the native ops as nodes of MindSpore's graphs),
`mindspore_operators` (the same in MindSpore's own operators, for devices without kernels), `ascend`
and `cuda`; `device` chooses who makes the copies on a device (`select_device_ops`, `device_ops`).

Every function takes ``backend='auto'|'native'|'reference'``: 'auto' is the native kernel where the
package has one and the NumPy reference otherwise; a named backend that is missing is an error.
"""

from fastxai.ops.device import device_ops, select_device_ops
from fastxai.ops.mask_grid import mask_grid
from fastxai.ops.mask_upsample import bilinear_matrix, mask_upsample
from fastxai.ops.masked_product import masked_product
from fastxai.ops.native import (
    has_native,
    isas,
    native_info,
    num_threads,
    select_isa,
    set_num_threads,
)
from fastxai.ops.occlusion import occlusion_fill, occlusion_patch, occlusion_sum
from fastxai.ops.params import MaskSpec, OcclusionSpec
from fastxai.ops.pixel_fill import pixel_fill
from fastxai.ops.saliency_accumulate import SaliencySums, saliency_accumulate, saliency_expand

__all__ = [
    "MaskSpec",
    "OcclusionSpec",
    "SaliencySums",
    "bilinear_matrix",
    "device_ops",
    "has_native",
    "isas",
    "mask_grid",
    "mask_upsample",
    "masked_product",
    "native_info",
    "num_threads",
    "occlusion_fill",
    "occlusion_patch",
    "occlusion_sum",
    "pixel_fill",
    "saliency_accumulate",
    "saliency_expand",
    "select_device_ops",
    "select_isa",
    "set_num_threads",
]
