"""Where mindspore_xai has SHAPKernel."""

from fastxai.common.absent import not_available

__all__ = ["SHAPKernel"]

SHAPKernel = not_available("SHAPKernel")
