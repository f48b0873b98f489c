"""Mirrors mindspore_xai's import path of PseudoLinearCoef."""

from fastxai.explainer.neighbor.pseudo_linear_coef import PseudoLinearCoef

__all__ = ["PseudoLinearCoef"]
