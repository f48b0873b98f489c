"""Occlusion over PyTorch networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai import reference  # noqa: E402
from fastxai.torch import Occlusion  # noqa: E402
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

SOFTMAX = nn.Softmax(dim=1)


def maps_by_formula(image, target, window, strides, base):
    """Occlusion of the linear network in float64."""
    size = image.shape[1:]
    rows, cols = reference.occlusion.occlusion_grid(size, window, strides)
    level = np.full(3, base, np.float32)
    copies = reference.occlusion_fill(image, level, -1, 1 + rows * cols, window, strides)
    scores = networks.linear_scores(copies)[:, [target]]
    return np.abs(reference.occlusion_sum((scores[:1] - scores[1:]).T, size, window, strides))


@pytest.mark.parametrize(
    ("window", "strides", "base"), [((4, 4), (4, 4), 0.0), ((5, 3), (2, 7), 0.5)]
)
@pytest.mark.parametrize("per_eval", [7, 200])
def test_the_map_is_that_of_the_formula(place, window, strides, base, per_eval):
    network = networks.linear().to(place)
    images = torch.from_numpy(networks.pictures(2)).to(place)
    explainer = Occlusion(
        network, SOFTMAX, per_eval, window=window, strides=strides, base_value=base
    )
    maps = explainer(images, [1, 2])
    assert maps.device == images.device
    for saliency, image, target in zip(maps, networks.pictures(2), (1, 2), strict=True):
        expected = maps_by_formula(image, target, window, strides, base)
        assert_close(saliency.cpu(), expected, atol=MAP_ATOL)


def test_the_default_windows_are_those_of_the_mindspore_explainer(place):
    network = networks.linear().to(place)
    images = torch.from_numpy(networks.pictures()).to(place)
    maps = Occlusion(network, SOFTMAX)(images, 1)
    expected = maps_by_formula(networks.pictures()[0], 1, (3, 3), (1, 1), 0.0)
    assert_close(maps[0].cpu(), expected, atol=MAP_ATOL)


def test_the_map_is_that_of_mindspore(place):
    ms = pytest.importorskip("mindspore", reason="MindSpore is not installed beside PyTorch")
    from fastxai import explainer

    weight, bias = networks.linear_weights()
    cell = ms.nn.SequentialCell(ms.nn.Flatten(), ms.nn.Dense(weight.shape[1], weight.shape[0]))
    cell[1].weight.set_data(ms.Tensor(weight))
    cell[1].bias.set_data(ms.Tensor(bias))
    theirs = explainer.Occlusion(cell, ms.nn.Softmax())(ms.Tensor(networks.pictures()), [[0, 3]])
    images = torch.from_numpy(networks.pictures()).to(place)
    ours = Occlusion(networks.linear().to(place), SOFTMAX)(images, [[0, 3]])
    assert_close(ours.cpu(), theirs.asnumpy(), atol=MAP_ATOL)


class InPlace(nn.Module):
    """Changes its input, as a network that begins with an activation in place does."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, batch):
        return self.network(batch.mul_(1.5))


def test_a_network_may_change_its_input(place):
    images = torch.from_numpy(networks.pictures()).to(place)
    changed = Occlusion(InPlace(networks.linear().to(place)), SOFTMAX, 7, window=4)(images, 1)
    scaled = nn.Sequential(nn.Identity(), networks.linear().to(place))
    expected = Occlusion(scaled, SOFTMAX, 7, window=4)(images * 1.5, 1)
    assert_close(changed.cpu(), expected.cpu(), atol=NETWORK_ATOL)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_network_gets_its_own_dtype(place, dtype):
    network = networks.Recorder(dtype, True).to(place)
    images = torch.from_numpy(networks.pictures()).to(place)
    Occlusion(network, nn.Identity(), 5, window=7)(images, 1)
    rounded = images[0].to(dtype)
    assert torch.equal(network.seen[0][0], rounded)
    assert (network.seen[0][1, :, :7, :7] == 0).all()
    assert torch.equal(network.seen[0][1, :, 7:], rounded[:, 7:])


class NotFinite(nn.Module):
    """NaN for every image of the second call."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, batch):
        self.calls += 1
        return batch.mean(dim=(2, 3)) * (float("nan") if self.calls == 2 else 1.0)


def test_scores_that_are_not_finite_name_the_windows(place):
    images = torch.from_numpy(networks.pictures()).to(place)
    explainer = Occlusion(NotFinite(), nn.Identity(), 12, window=4)  # 35 windows
    with pytest.raises(ValueError, match=r"not finite for windows 11\.\.22"):
        explainer(images, 1)


def test_a_window_larger_than_the_image_is_refused():
    explainer = Occlusion(networks.linear(), SOFTMAX, window=21)
    with pytest.raises(ValueError, match="Occlusion: the window"):
        explainer(torch.zeros(1, *networks.SHAPE), 0)
