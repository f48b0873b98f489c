"""Saliency maps of MindSpore image classifiers on native operators, with mindspore_xai's API.

Importing this package keeps MindSpore 2.9 and 2.10 out of a slow convolution path (see
`fastxai.show_config()`); set FASTXAI_KEEP_ONEDNN_ISA=1 to leave MindSpore as it is.

Explainers, benchmarks and the rest are here under their own names too: `fastxai.RISE` is
`fastxai.explainer.RISE`. They are loaded when they are first asked for, and MindSpore with them.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from fastxai import _onednn
from fastxai._config import show_config
from fastxai._version import __version__
from fastxai.engine.settings import set_engine
from fastxai.ops.native import num_threads, set_num_threads
from fastxai.system import forks as _forks

if TYPE_CHECKING:
    from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
    from fastxai.explainer import (
        RISE,
        Deconvolution,
        Explanation,
        GradCAM,
        Gradient,
        GuidedBackprop,
        Occlusion,
        RISEPlus,
    )
    from fastxai.models import load
    from fastxai.tool.cv import OoDNet
    from fastxai.visual.cv import (
        normalize_saliency,
        saliency_to_image,
        saliency_to_rgba,
        uncertainty_to_image,
    )

__all__ = [
    "RISE",
    "ClassSensitivity",
    "Deconvolution",
    "Explanation",
    "Faithfulness",
    "GradCAM",
    "Gradient",
    "GuidedBackprop",
    "Localization",
    "Occlusion",
    "OoDNet",
    "RISEPlus",
    "Robustness",
    "__version__",
    "load",
    "normalize_saliency",
    "num_threads",
    "saliency_to_image",
    "saliency_to_rgba",
    "set_engine",
    "set_num_threads",
    "show_config",
    "uncertainty_to_image",
]

_EXPORTS = {  # loaded when first asked for
    "fastxai.explainer": (
        *("RISE", "Deconvolution", "Explanation", "GradCAM", "Gradient", "GuidedBackprop"),
        *("Occlusion", "RISEPlus"),
    ),
    "fastxai.benchmark": ("ClassSensitivity", "Faithfulness", "Localization", "Robustness"),
    "fastxai.models": ("load",),
    "fastxai.tool.cv": ("OoDNet",),
    "fastxai.visual.cv": (
        *("normalize_saliency", "saliency_to_image", "saliency_to_rgba", "uncertainty_to_image"),
    ),
}
_HOMES = {name: module for module, names in _EXPORTS.items() for name in names}
_PACKAGES = {  # sub-packages, and what each cannot do without
    **dict.fromkeys(("benchmark", "demo", "explainer", "tool"), "mindspore"),
    **dict.fromkeys(
        (
            *("adapters", "cli", "compat", "detection", "models", "reference", "scores"),
            "visual",
        ),
        "numpy",
    ),
    "dataset": "pyarrow",
    "torch": "torch",
}

# What is had without MindSpore, which then explains models alone, and from where.
_WITHOUT_MINDSPORE = {
    "Explanation": "fastxai.perturbation.explanation",
    "Occlusion": "fastxai.models",
    "RISE": "fastxai.models",
}

_forks.watch()
_onednn.protect()


def __getattr__(name: str) -> Any:
    """Loads a public name or a sub-package."""
    if name not in _HOMES and name not in _PACKAGES:
        raise AttributeError(f"module 'fastxai' has no attribute {name!r}")
    try:
        if name in _PACKAGES:
            return importlib.import_module(f"fastxai.{name}")
        home = _HOMES[name]
        if name in _WITHOUT_MINDSPORE and not _is_there("mindspore"):
            home = _WITHOUT_MINDSPORE[name]
        found = globals()[name] = getattr(importlib.import_module(home), name)
    except ModuleNotFoundError as error:
        if error.name != "mindspore":
            raise
        raise ImportError(
            f"fastxai.{name} needs MindSpore, which is not installed: pip install mindspore. "
            "RISE and Occlusion over files and functions are in fastxai.models, over PyTorch "
            "networks in fastxai.torch."
        ) from error
    return found


def __dir__() -> list[str]:
    """All that can be had here, loaded or not."""
    needs = {name: _PACKAGES[module.split(".")[1]] for name, module in _HOMES.items()} | _PACKAGES
    needs |= dict.fromkeys(_WITHOUT_MINDSPORE, "numpy")
    there = {need: _is_there(need) for need in set(needs.values())}
    own = {*globals()} - {"Any", "TYPE_CHECKING", "annotations", "importlib"}
    return sorted(own | {name for name, need in needs.items() if there[need]})


def _is_there(package: str) -> bool:
    """Whether a package is installed, and not blocked."""
    try:
        return importlib.util.find_spec(package) is not None
    except ValueError:  # `sys.modules` has None for it
        return False
