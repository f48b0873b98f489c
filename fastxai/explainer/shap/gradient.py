"""Where mindspore_xai has SHAPGradient."""

from fastxai.common.absent import not_available

__all__ = ["SHAPGradient"]

SHAPGradient = not_available("SHAPGradient")
