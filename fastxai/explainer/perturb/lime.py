"""Mirrors mindspore_xai's import path of LIMETabular."""

from fastxai.compat.unavailable import not_available

__all__ = ["LIMETabular"]

LIMETabular = not_available("LIMETabular")
