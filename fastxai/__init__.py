"""Saliency maps of MindSpore image classifiers on native operators, with mindspore_xai's API.

Importing this package keeps MindSpore 2.9 and 2.10 out of a slow convolution path (see
`fastxai.show_config()`); set FASTXAI_KEEP_ONEDNN_ISA=1 to leave MindSpore as it is.
"""

from fastxai import _onednn
from fastxai._config import show_config
from fastxai._version import __version__
from fastxai.engine.settings import set_engine
from fastxai.ops.native import num_threads, set_num_threads

__all__ = ["__version__", "num_threads", "set_engine", "set_num_threads", "show_config"]

_onednn.protect()
