"""`Explanation`, under the name that pickles of it have."""

from fastxai.perturbation.explanation import Explanation

__all__ = ["Explanation"]
