"""The ops on arrays in the memory of an NVIDIA GPU: of PyTorch, CuPy, or anything of their kind.

Every function takes arrays that have `__dlpack__` or `__cuda_array_interface__`, writes into the
arrays that it is given, and queues its work on the caller's stream without waiting for it. Needs
`libfastxai_cuda.so` (docs/gpu.md), and no MindSpore.

The same masks, products and sums as the CPU ops, to the bit; NaN apart, which stay NaN.
"""

from fastxai.ops.cuda.arrays import DeviceArray, as_device_array
from fastxai.ops.cuda.library import cuda_info, has_cuda
from fastxai.ops.cuda.masks import (
    mask_grid,
    mask_upsample,
    masked_product,
    masked_product_workspace,
)
from fastxai.ops.cuda.occlusion import (
    occlusion_fill,
    occlusion_patch,
    occlusion_sum,
    occlusion_sum_workspace,
)
from fastxai.ops.cuda.saliency import (
    saliency_accumulate,
    saliency_expand,
    saliency_expand_workspace,
)

__all__ = [
    "DeviceArray",
    "as_device_array",
    "cuda_info",
    "has_cuda",
    "mask_grid",
    "mask_upsample",
    "masked_product",
    "masked_product_workspace",
    "occlusion_fill",
    "occlusion_patch",
    "occlusion_sum",
    "occlusion_sum_workspace",
    "saliency_accumulate",
    "saliency_expand",
    "saliency_expand_workspace",
]
