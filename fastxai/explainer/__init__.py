"""The explainers."""

from fastxai.explainer.backprop import Deconvolution, GradCAM, Gradient, GuidedBackprop
from fastxai.explainer.perturb import RISE, Occlusion, RISEPlus

__all__ = [
    "RISE",
    "Deconvolution",
    "GradCAM",
    "Gradient",
    "GuidedBackprop",
    "Occlusion",
    "RISEPlus",
]
