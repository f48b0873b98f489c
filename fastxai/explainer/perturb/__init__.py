"""Explainers that perturb the input and watch the output."""

from typing import TYPE_CHECKING

from fastxai._lazy import lazy_names

if TYPE_CHECKING:
    from fastxai.explainer.perturb.occlusion import Occlusion
    from fastxai.explainer.perturb.rise import RISE
    from fastxai.explainer.perturb.riseplus import RISEPlus

__all__ = ["RISE", "Occlusion", "RISEPlus"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Occlusion": f"{__name__}.occlusion",
        "RISE": f"{__name__}.rise",
        "RISEPlus": f"{__name__}.riseplus",
    },
    ("occlusion", "perturbation", "rise", "riseplus"),
)
