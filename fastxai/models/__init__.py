"""RISE and Occlusion over ONNX and OpenVINO files and over functions of NumPy arrays.

    load, Callable -> Model                what scores a batch (M, C, H, W)
                        |
    RISE, Occlusion -> ModelBackend        activation, `score=`, checks; the loop's `Backend`

It needs neither MindSpore nor PyTorch, and works with NumPy 2.
"""

from typing import TYPE_CHECKING

from fastxai._lazy import lazy_names

if TYPE_CHECKING:
    from fastxai.models.files import load
    from fastxai.models.model import Callable, Model
    from fastxai.models.occlusion import Occlusion
    from fastxai.models.rise import RISE

__all__ = ["RISE", "Callable", "Model", "Occlusion", "load"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Callable": f"{__name__}.model",
        "Model": f"{__name__}.model",
        "Occlusion": f"{__name__}.occlusion",
        "RISE": f"{__name__}.rise",
        "load": f"{__name__}.files",
    },
)
