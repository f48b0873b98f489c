"""Tools for images."""

from fastxai.tool.cv.ood_net import OoDNet

__all__ = ["OoDNet"]
