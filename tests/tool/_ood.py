"""What the tests of OoDNet share: data, mindspore_xai's results, a short training."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import dataset, nn

PEER = np.load(Path(__file__).parents[1] / "data" / "ood_net_peer.npz")  # see _make_peer_data.py
IMAGES, LABELS = PEER["images"], PEER["labels"]


def checkpoint(group):
    """Parameters that mindspore_xai had, as `load_checkpoint` gives them."""
    names = [name for name in PEER.files if name.startswith(group + "/")]
    return {
        name.partition("/")[2]: ms.Parameter(ms.Tensor(PEER[name]), name=name.partition("/")[2])
        for name in names
    }


def batches(size=4):
    """The images and labels, in order."""
    return dataset.NumpySlicesDataset((IMAGES, LABELS), shuffle=False).batch(size)


def arrays_of(ood_net):
    """Weights under the names of a checkpoint."""
    return {name: p.asnumpy().astype(np.float64) for name, p in ood_net.parameters_and_names()}


def train(ood_net, **kwargs):
    """Two steps per epoch."""
    kwargs = {"epoch": 1, **kwargs}
    ood_net.train(batches(6), nn.SoftmaxCrossEntropyWithLogits(), **kwargs)
