"""Mirrors mindspore_xai's import path of PseudoLinearCoef."""

from fastxai.compat.unavailable import not_available

__all__ = ["PseudoLinearCoef"]

PseudoLinearCoef = not_available("PseudoLinearCoef")
