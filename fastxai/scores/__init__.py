"""Scores that users choose: functions from outputs (M, ...) to (M, T) for `score=`.

`score=` of `RISE`, `RISEPlus` and `Occlusion`, for MindSpore, PyTorch, files and functions, takes a
class index, one of these, or any function of an array (M, K) or (M, K, ...) float32, to which
`activation_fn` has been applied, that returns (M,) or (M, T). Targets are then columns of T;
`targets=None` explains all of them. A function may have an attribute `identity`, a text for state
files.
"""

from fastxai.scores.classes import ClassScore, Margin, NegativeClass, Value
from fastxai.scores.references import MaskMean, Similarity

__all__ = ["ClassScore", "Margin", "MaskMean", "NegativeClass", "Similarity", "Value"]
