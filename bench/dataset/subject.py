"""Subjects of the benchmarks of data sets: the demo with its pictures, and a ResNet-50."""

from __future__ import annotations

from typing import Any

import numpy as np

BATCH = 32
Images = list[tuple[str, np.ndarray, int]]  # id, (C, H, W) float32, target


def demo_images(number: int) -> Images:
    """The demo's pictures, as often as it takes."""
    from fastxai.demo import normalize, samples

    pictures = [np.asarray(normalize(each.picture), np.float32) for each in samples().values()]
    return [(f"{index:05d}", pictures[index % len(pictures)], 3) for index in range(number)]


def noise(number: int, size: int) -> Images:
    """Images of noise (3, size, size)."""
    random = np.random.default_rng(0)
    return [
        (f"{index:05d}", random.standard_normal((3, size, size), np.float32), 3)
        for index in range(number)
    ]


def demo_rise(masks: int) -> Any:
    """RISE of the demo's network, by the engine that 'auto' finds."""
    from mindspore import nn

    import fastxai
    from fastxai.demo import demo_net

    return fastxai.RISE(demo_net(), nn.Softmax(), BATCH, num_masks=masks, seed=0)


def resnet50_rise(masks: int) -> Any:
    """RISE of a ResNet-50, by the engine that 'auto' finds."""
    from mindspore import nn

    import fastxai
    from bench.common.resnet50 import make_resnet50

    return fastxai.RISE(make_resnet50(), nn.Softmax(), BATCH, num_masks=masks, seed=0)
