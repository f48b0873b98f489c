"""Makes tests/data/ood_net_peer.npz. Not a test: needs a Python with mindspore_xai.

    ONEDNN_MAX_CPU_ISA=AVX2 python -m tests.tool._make_peer_data

The file in the repository is from mindspore_xai 1.8.1 on MindSpore 2.10.0, CPU, PYNATIVE_MODE.
"""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import dataset, nn

from fastxai import reference
from tests.tool import _classifiers as classifiers

FILE = Path(__file__).parents[1] / "data" / "ood_net_peer.npz"
rng = np.random.default_rng(7)


def weights_of(network, prefix):
    """Copies of all weights under their names."""
    return {f"{prefix}/{p.name}": p.asnumpy().copy() for p in network.get_parameters()}


def draw(*parameters):
    """Normal weights."""
    for parameter in parameters:
        values = rng.normal(size=parameter.shape).astype(np.float32)
        parameter.set_data(ms.Tensor(values))


def training(OoDNet):
    """A short training, the scores after it and the logits of the trained one."""
    images = rng.normal(size=(12, 3, 4, 4)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 12)]
    ood_net = OoDNet(classifiers.Plain(seed=1), 3)
    draw(ood_net._h.weight, ood_net._g_fc.weight, ood_net._g_fc.bias)
    before = weights_of(ood_net, "before")
    batches = dataset.NumpySlicesDataset((images, labels), shuffle=False).batch(4)
    loss = nn.SoftmaxCrossEntropyWithLogits()
    ood_net.train(batches, loss, epoch=4, learning_rate=0.05, lr_epoch_denom=2)
    after = weights_of(ood_net, "after")
    scores = ood_net(ms.Tensor(images)).asnumpy()
    ood_net.set_train(True)
    logits = ood_net(ms.Tensor(images)).asnumpy()
    arrays = {"images": images, "labels": labels, "scores": scores, "logits": logits}
    return {**arrays, **before, **after}


def explanation(OoDNet, RISEPlus):
    """Maps of RISEPlus on 40 masks of fastxai, seed 3, and the weights of the networks."""
    images = rng.normal(size=(2, 3, 16, 16)).astype(np.float32)
    targets = np.array([[0, 2], [1, 2]], np.int32)
    classifier = classifiers.Convolution(seed=3)
    ood_net = OoDNet(classifier, 3)
    draw(ood_net._h.weight)
    cells, shifts = reference.mask_grid(3, 0, 40, (10, 10), 2**31, (11, 11))
    masks = reference.mask_upsample(cells, shifts, (16, 16), (26, 26)).astype(np.float32)
    halves = [ms.Tensor(masks[:20]), ms.Tensor(masks[20:])] * len(images)
    explainer = RISEPlus(ood_net, classifier, nn.Softmax(), 20)
    explainer._num_masks = 40
    explainer._generate_masks = lambda data, count: halves.pop(0)
    maps = explainer(ms.Tensor(images), ms.Tensor(targets)).asnumpy()
    arrays = {"riseplus_images": images, "riseplus_targets": targets, "riseplus_maps": maps}
    return {
        **arrays,
        "riseplus_scores": ood_net(ms.Tensor(images)).asnumpy(),
        **weights_of(ood_net, "riseplus"),
    }


if __name__ == "__main__":
    from mindspore_xai.explainer import RISEPlus
    from mindspore_xai.tool.cv import OoDNet

    ms.set_context(mode=ms.PYNATIVE_MODE)
    np.savez_compressed(FILE, **training(OoDNet), **explanation(OoDNet, RISEPlus))
