"""Saliency maps as arrays of colours and as pictures."""

from fastxai.visual.cv.saliency import normalize_saliency, saliency_to_image, saliency_to_rgba

__all__ = ["normalize_saliency", "saliency_to_image", "saliency_to_rgba"]
