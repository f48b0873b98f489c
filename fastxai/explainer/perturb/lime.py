"""Where mindspore_xai has LIMETabular."""

from fastxai.common.absent import not_available

__all__ = ["LIMETabular"]

LIMETabular = not_available("LIMETabular")
