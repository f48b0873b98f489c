"""Where mindspore_xai has PseudoLinearCoef."""

from fastxai.common.absent import not_available

__all__ = ["PseudoLinearCoef"]

PseudoLinearCoef = not_available("PseudoLinearCoef")
