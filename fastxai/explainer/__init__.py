"""The explainers."""

from fastxai.explainer.perturb import RISE, Occlusion

__all__ = ["RISE", "Occlusion"]
