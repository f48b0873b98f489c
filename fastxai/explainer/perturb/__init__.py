"""Explainers that perturb the input and watch the output."""

from fastxai.explainer.perturb.occlusion import Occlusion
from fastxai.explainer.perturb.rise import RISE
from fastxai.explainer.perturb.riseplus import RISEPlus

__all__ = ["RISE", "Occlusion", "RISEPlus"]
