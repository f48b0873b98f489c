"""Mirrors mindspore_xai's import path of the SHAP explainers of tabular data."""

from fastxai.explainer.shap.gradient import SHAPGradient
from fastxai.explainer.shap.kernel import SHAPKernel

__all__ = ["SHAPGradient", "SHAPKernel"]
