"""Where mindspore_xai has PseudoLinearCoef."""

from fastxai.explainer.neighbor.pseudo_linear_coef import PseudoLinearCoef

__all__ = ["PseudoLinearCoef"]
