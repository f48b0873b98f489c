"""Metrics of saliency maps: faithfulness, robustness, localization, class sensitivity."""

from fastxai.benchmark.class_sensitivity import ClassSensitivity
from fastxai.benchmark.faithfulness import Faithfulness
from fastxai.benchmark.localization import Localization
from fastxai.benchmark.robustness import Robustness

__all__ = ["ClassSensitivity", "Faithfulness", "Localization", "Robustness"]
