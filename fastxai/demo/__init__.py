"""A small classifier of handwritten digits with its weights, and four pictures to explain.

Everything comes with the package: nothing is downloaded, and any folder will do.
``fastxai demo`` shows it.
"""

from fastxai.demo.clone import examples_folder
from fastxai.demo.network import CHECKPOINT, CLASS_NAMES, DemoNet, demo_net
from fastxai.demo.samples import MEAN, SIZE, STD, Sample, demo_picture, normalize, samples

__all__ = [
    "CHECKPOINT",
    "CLASS_NAMES",
    "MEAN",
    "SIZE",
    "STD",
    "DemoNet",
    "Sample",
    "demo_net",
    "demo_picture",
    "examples_folder",
    "normalize",
    "samples",
]
