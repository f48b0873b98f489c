"""Saliency maps as arrays of colours and as pictures."""

from fastxai.visual.cv.saliency import normalize_saliency, saliency_to_image, saliency_to_rgba
from fastxai.visual.cv.uncertainty import uncertainty_to_image

__all__ = ["normalize_saliency", "saliency_to_image", "saliency_to_rgba", "uncertainty_to_image"]
