"""Explains seventy images in a process of its own and prints how its memory grew.

A process that has run other tests holds memory they have freed, and a leak would fill that first.

usage: python -m tests.explainer._memory_growth pynative|graph     a JSON object: bytes by name
"""

import gc
import json
import sys

import mindspore as ms
import numpy as np

import fastxai
from fastxai.explainer import RISE, Occlusion
from tests import _networks as networks

IMAGE = np.random.default_rng(4).normal(size=(1, 3, 24, 24)).astype(np.float32)
WARM, IMAGES = 20, 70
MAKERS = {
    "iid": lambda network: RISE(network, networks.Identity(), 32, num_masks=64, design="iid"),
    "oa128": lambda network: RISE(network, networks.Identity(), 64, num_masks=256, design="oa128"),
    "Occlusion": lambda network: Occlusion(network, networks.Identity(), 32, window=8),
}


def resident() -> int:
    """Bytes of memory that the process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def growth(make, keep=None) -> int:
    """Bytes that were added from image WARM to image IMAGES.

    Args:
        make: Explainer of a network.
        keep: Is given half a megabyte of every image, if it is a list.
    """
    explainer = make(networks.Flat())
    for index in range(IMAGES):
        found = explainer(ms.Tensor(IMAGE + np.float32(index / IMAGES)), 0, ret="result")
        if keep is not None:
            keep.append(np.repeat(found.saliency, 256))
        if index == WARM:
            gc.collect()
            before = resident()
    gc.collect()
    return resident() - before


if __name__ == "__main__":
    fastxai.set_engine("mindspore")
    ms.set_context(mode={"pynative": ms.PYNATIVE_MODE, "graph": ms.GRAPH_MODE}[sys.argv[1]])
    grown = {name: growth(make) for name, make in MAKERS.items()}
    grown["planted leak"] = growth(MAKERS["iid"], keep=[])
    print(json.dumps(grown))
