"""The explainers; each is loaded when it is first asked for."""

from typing import TYPE_CHECKING

from fastxai._lazy import lazy_names

if TYPE_CHECKING:
    from fastxai.explainer.backprop import Deconvolution, GradCAM, Gradient, GuidedBackprop
    from fastxai.explainer.neighbor import PseudoLinearCoef
    from fastxai.explainer.perturb import RISE, Occlusion, RISEPlus
    from fastxai.explainer.perturb.lime import LIMETabular
    from fastxai.explainer.shap import SHAPGradient, SHAPKernel
    from fastxai.perturbation.explanation import Explanation

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

_BACKPROP, _PERTURB = "fastxai.explainer.backprop", "fastxai.explainer.perturb"
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Deconvolution": f"{_BACKPROP}.modified_relu",
        "GradCAM": f"{_BACKPROP}.gradcam",
        "Gradient": f"{_BACKPROP}.gradient",
        "GuidedBackprop": f"{_BACKPROP}.modified_relu",
        "LIMETabular": f"{_PERTURB}.lime",
        "Occlusion": f"{_PERTURB}.occlusion",
        "RISE": f"{_PERTURB}.rise",
        "RISEPlus": f"{_PERTURB}.riseplus",
        "Explanation": "fastxai.perturbation.explanation",
        "PseudoLinearCoef": "fastxai.explainer.neighbor",
        "SHAPGradient": "fastxai.explainer.shap",
        "SHAPKernel": "fastxai.explainer.shap",
    },
    ("backprop", "explanation", "neighbor", "perturb", "shap"),
)
