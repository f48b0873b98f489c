"""RISE and Occlusion over PyTorch networks, on the CPU or an NVIDIA GPU; without MindSpore.

Constructors, keywords and maps are those of `fastxai.explainer`: the same seed gives the same
masks. On a GPU the whole loop runs there: images are masked and scores summed by `fastxai.ops.cuda`
on PyTorch's current stream, and nothing waits for the device before an image is done.
"""

from fastxai.torch.occlusion import Occlusion
from fastxai.torch.rise import RISE

__all__ = ["RISE", "Occlusion"]
