"""The explainers."""

from fastxai.explainer.backprop import Deconvolution, GradCAM, Gradient, GuidedBackprop
from fastxai.explainer.explanation import Explanation
from fastxai.explainer.neighbor import PseudoLinearCoef
from fastxai.explainer.perturb import RISE, Occlusion, RISEPlus
from fastxai.explainer.perturb.lime import LIMETabular
from fastxai.explainer.shap import SHAPGradient, SHAPKernel

__all__ = [
    "RISE",
    "Deconvolution",
    "Explanation",
    "GradCAM",
    "Gradient",
    "GuidedBackprop",
    "LIMETabular",
    "Occlusion",
    "PseudoLinearCoef",
    "RISEPlus",
    "SHAPGradient",
    "SHAPKernel",
]
