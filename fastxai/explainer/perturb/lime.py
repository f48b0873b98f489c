"""Where mindspore_xai has LIMETabular."""

from fastxai.compat.unavailable import not_available

__all__ = ["LIMETabular"]

LIMETabular = not_available("LIMETabular")
