"""Several threads of one process, forked processes, and networks that write into their input."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from fastxai.torch import RISE, Occlusion

SECONDS = 120  # after which a thread or process is taken to wait for ever


def trained(seed=0):
    """BatchNorm and Dropout in training mode."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Dropout(0.5),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(4 * 144, 3),
    ).train()


def image(seed=0):
    """(1, 3, 14, 14)."""
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 3, 14, 14))).float()


def rise(network):
    """A short run of several batches."""
    return RISE(network, nn.Softmax(dim=1), 16, num_masks=64, seed=0)


def occlusion(network):
    """The same."""
    return Occlusion(network, nn.Softmax(dim=1), 16, window=5, strides=3)


def flags(network):
    """Of all its modules."""
    return [part.training for part in network.modules()]


def at_once(*functions):
    """Their results, run at the same time."""
    start = threading.Barrier(len(functions))

    def run(function):
        start.wait(SECONDS)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [f.result(SECONDS) for f in [pool.submit(run, function) for function in functions]]


def test_explainers_of_one_network_in_training_mode():
    network = trained()
    before = network[1].running_mean.clone()
    kinds = [rise, occlusion, rise, occlusion]
    expected = [kind(network)(image(), 1) for kind in kinds]
    for _ in range(5):
        found = at_once(*[lambda k=kind: k(network)(image(), 1) for kind in kinds])
        for one, other in zip(expected, found, strict=True):
            assert torch.allclose(one, other, atol=1e-6)
        assert all(flags(network))
        assert torch.equal(network[1].running_mean, before)
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("kind", [rise, occlusion])
def test_one_explainer_shared_by_threads(kind):
    shared = kind(trained())
    expected = [shared(image(seed), 1) for seed in range(4)]
    found = at_once(*[lambda s=seed: shared(image(s), 1) for seed in range(4)])
    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_module_in_two_networks_is_given_back_by_the_last():
    shared = nn.Conv2d(3, 4, 3)
    first, second = trained(0), trained(1)
    first[0] = second[0] = shared
    seen = []

    def progress(done, total):
        occlusion(second)(image(), 1)
        seen.append((shared.training, first[1].training, second[1].training))

    rise(first)(image(), 1, progress=progress)
    assert set(seen) == {(False, False, True)}
    assert all(flags(first) + flags(second))


def test_progress_that_calls_its_own_explainer_is_told_so():
    network = trained()
    explainer = rise(network)
    with pytest.raises(RuntimeError, match="RISE: it was called again before it was done"):
        explainer(image(), 1, progress=lambda done, total: explainer(image(), 1))
    assert all(flags(network))
    assert torch.equal(explainer(image(), 1), rise(network)(image(), 1))


def test_who_asks_for_training_mode_meanwhile_gets_it_afterwards():
    network = trained().eval()
    expected = rise(network)(image(), 1)
    found = rise(network)(image(), 1, progress=lambda done, total: network.train())
    assert torch.equal(found, expected)
    assert all(flags(network))


class Doubling(nn.Module):
    """Writes 2 x over its input, scores that, then writes zeros."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        x.mul_(2)
        scores = x.flatten(1) @ self.weight.flatten(1).T
        x.zero_()
        return scores


def test_a_network_that_writes_into_its_input():
    weight = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 3, 12, 12))).float()
    x = image()[:, :, :12, :12].contiguous()
    before = x.clone()
    found = Occlusion(Doubling(weight), nn.Identity(), 5, window=4)(x, [[1, 2]])[0]
    drops = (2 * weight[1:] * before).sum(dim=1).reshape(2, 3, 4, 3, 4).sum(dim=(2, 4)).abs() / 2
    by_hand = drops.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    assert torch.allclose(found, by_hand, rtol=1e-3, atol=1e-3)
    maps = [
        RISE(network, nn.Identity(), 8, num_masks=32, seed=0)(x, 1)
        for network in (Doubling(weight), nn.Sequential(nn.Flatten(), linear(2 * weight)))
    ]
    assert torch.allclose(*maps, rtol=1e-3, atol=1e-3)
    assert torch.equal(x, before)


def linear(weight):
    """A layer of these weights without a bias."""
    layer = nn.Linear(weight[0].numel(), len(weight), bias=False)
    layer.weight.data = weight.flatten(1)
    return layer


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("kind", [rise, occlusion])
def test_a_forked_child_explains_with_one_thread(kind):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        big = torch.ones(1500, 1500)
        network = trained()
        expected = kind(network)(image(), 1)
        (big @ big + big).exp()  # PyTorch's threads run
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(SECONDS)
            same = torch.allclose(kind(network)(image(), 1), expected, atol=1e-6)
            (big @ big + big).exp()
            os.write(write, f"{same} {torch.get_num_threads()}".encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as file:
            words = file.read()
        assert os.waitpid(child, 0)[1] == 0
        assert words == "True 1"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
