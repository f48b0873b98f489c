"""RISE and Occlusion in the interfaces of other packages; each module is imported by its name.

    fastxai.adapters.captum     Captum's `Attribution`: RISE, Occlusion
    fastxai.adapters.quantus    `explain_func` of Quantus' metrics
    fastxai.adapters.sklearn    estimators of scikit-learn's interface as models

None of these packages is imported before its module is.
"""

from fastxai._lazy import lazy_names

__all__: list[str] = []

__getattr__, __dir__ = lazy_names(__name__, {}, ("captum", "quantus", "sklearn"))
