"""Two hundred images in one process."""

import gc

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISE, Occlusion
from tests import _networks as networks

IMAGE = np.random.default_rng(4).normal(size=(1, 3, 32, 32)).astype(np.float32)
WARM, IMAGES = 40, 200
# A map of one image is 4 KiB, its accumulators 190 KiB, a batch of masked copies 400 or 800 KiB:
# whoever keeps the accumulators of 160 images, or 20 batches, is over. The allocator needs room.
ROOM = 8 * 2**20


def resident() -> int:
    """Bytes of memory that the process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


MAKERS = {
    "iid": lambda network: RISE(network, nn.Softmax(), 32, num_masks=96),
    "oa128 result": lambda network: RISE(network, nn.Softmax(), 64, num_masks=256, design="oa128"),
    "Occlusion": lambda network: Occlusion(network, nn.Softmax(), 32, window=8),
}


def growth(make, keep=None):
    """Bytes that were added from image WARM to image IMAGES."""
    explainer = make(networks.SmallConv())
    for index in range(IMAGES):
        found = explainer(ms.Tensor(IMAGE + np.float32(index / IMAGES)), 1, ret="result")
        if keep is not None:
            keep.append(np.repeat(found.saliency, 128))
        if index == WARM:
            gc.collect()
            before = resident()
    gc.collect()
    return resident() - before


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_two_hundred_images_take_no_more_memory_than_forty(make, mode):
    assert growth(make) < ROOM


@pytest.mark.slow
def test_half_a_megabyte_kept_of_every_image_would_be_noticed():
    assert growth(MAKERS["iid"], keep=[]) > ROOM
