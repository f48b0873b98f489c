"""fastxai as an attribution of Captum, beside Captum's own."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: make adapters-test")
captum = pytest.importorskip("captum", reason="Captum is not installed: make adapters-test")

from captum import attr  # noqa: E402
from captum.metrics import infidelity  # noqa: E402

from fastxai import torch as explainers  # noqa: E402
from fastxai.adapters.captum import RISE, Occlusion  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

SETTINGS = {"num_masks": 256, "seed": 5}
WINDOW = {"window": (4, 7)}


def images(count=2):
    return torch.from_numpy(networks.pictures(count))


def test_rise_is_fastxais_in_the_shape_of_the_images():
    network = networks.convolutional()
    found = RISE(network, "softmax", **SETTINGS).attribute(images(), target=[3, 0])
    expected = explainers.RISE(network, "softmax", **SETTINGS)(images(), [3, 0])
    assert found.shape == images().shape
    assert torch.equal(found, expected.repeat(1, 3, 1, 1))
    assert isinstance(RISE(network, **SETTINGS), attr.Attribution)


def test_occlusion_is_half_the_size_of_captums_drops():
    """Windows side by side, so that each pixel is in one."""
    network = networks.linear().eval()
    theirs = attr.Occlusion(network).attribute(images(), (3, 4, 7), strides=(3, 4, 7), target=2)
    ours = Occlusion(network, **WINDOW).attribute(images(), target=2)
    np.testing.assert_allclose(ours, theirs.abs() / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (2, [2, 2]),
        ((2,), [2, 2]),
        (torch.tensor(2), [2, 2]),
        (torch.tensor([2]), [2, 2]),
        ([1, 3], [1, 3]),
        ([(1,), (3,)], [1, 3]),
        (torch.tensor([1, 3]), [1, 3]),
    ],
)
def test_targets_in_all_of_captums_forms(target, expected):
    network = networks.linear().eval()
    found = Occlusion(network, **WINDOW).attribute(images(), target=target)
    theirs = attr.Occlusion(network).attribute(
        images(), (3, 4, 7), strides=(3, 4, 7), target=torch.tensor(expected)
    )
    np.testing.assert_allclose(found, theirs.abs() / 2, atol=1e-5)


@pytest.mark.parametrize("target", [(1, 2), [(0, 1), (0, 2)]])
def test_a_place_in_a_larger_output_is_an_error_in_words(target):
    with pytest.raises(TypeError, match="Occlusion: `target` must be a class"):
        Occlusion(networks.linear(), **WINDOW).attribute(images(), target=target)


def test_a_function_of_one_score_needs_no_target():
    def ink(batch):
        return batch.mean(dim=(1, 2, 3))

    found = Occlusion(ink, **WINDOW).attribute(images())
    theirs = attr.Occlusion(ink).attribute(images(), (3, 4, 7), strides=(3, 4, 7))
    np.testing.assert_allclose(found, theirs.abs() / 2, atol=1e-6)


def test_tuples_dtypes_and_inputs_with_gradients():
    network, double = networks.linear(), images().double().requires_grad_()
    occlusion = Occlusion(network, **WINDOW)
    (found,) = occlusion.attribute((double,), target=1)
    assert found.dtype == torch.float64
    assert not found.requires_grad
    found += 1  # memory of its own
    with pytest.raises(TypeError, match="must be one Tensor, got 2"):
        occlusion.attribute((images(), images()), target=1)
    with pytest.raises(TypeError, match="must be a network or a function, got int"):
        RISE(3)


def test_captums_noise_tunnel_and_metrics_take_it():
    network = networks.linear().eval()
    occlusion = Occlusion(network, **WINDOW)
    smooth = attr.NoiseTunnel(occlusion).attribute(
        images(1), nt_samples=3, stdevs=0.0, target=1, nt_type="smoothgrad"
    )
    np.testing.assert_allclose(smooth, occlusion.attribute(images(1), target=1), atol=1e-6)

    def cover(batch):
        mask = torch.zeros_like(batch)
        mask[:, :, 4:8, 7:14] = 1
        return mask, batch * (1 - mask)

    found = infidelity(network, cover, images(1), smooth, target=1, n_perturb_samples=1)
    drop = (network(images(1)) - network(cover(images(1))[1]))[0, 1]
    # Every pixel of the window has half the drop, or minus it: attributions have no sign here.
    expected = ((3 * 28 * drop.abs() / 2) - drop) ** 2
    np.testing.assert_allclose(found, expected.detach()[None], rtol=1e-3)
