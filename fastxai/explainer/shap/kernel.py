"""Mirrors mindspore_xai's import path of SHAPKernel."""

from fastxai.compat.unavailable import not_available

__all__ = ["SHAPKernel"]

SHAPKernel = not_available("SHAPKernel")
