"""Explainers that propagate a class score back through the network."""

from fastxai.explainer.backprop.gradcam import GradCAM
from fastxai.explainer.backprop.gradient import Gradient
from fastxai.explainer.backprop.modified_relu import Deconvolution, GuidedBackprop

__all__ = ["Deconvolution", "GradCAM", "Gradient", "GuidedBackprop"]
