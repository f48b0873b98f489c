"""Mirrors mindspore_xai's import path of SHAPGradient."""

from fastxai.compat.unavailable import not_available

__all__ = ["SHAPGradient"]

SHAPGradient = not_available("SHAPGradient")
