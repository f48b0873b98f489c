"""Where mindspore_xai has SHAPGradient."""

from fastxai.compat.unavailable import not_available

__all__ = ["SHAPGradient"]

SHAPGradient = not_available("SHAPGradient")
