"""The promises of every explainer, over PyTorch networks."""

import copy
import pickle

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai.torch import RISE, Occlusion  # noqa: E402
from tests._contract import (  # noqa: E402
    IMAGES,
    MASKS,
    ExplainerContract,
    PerturbationContract,
)

MAKERS = {
    "RISE": lambda network: RISE(network, "softmax", 16, num_masks=MASKS, seed=0),
    "Occlusion": lambda network: Occlusion(network, "softmax", 4, window=(4, 5), strides=(4, 5)),
}


def state_of(network):
    """Everything of a network that an explainer must not change."""
    return (
        {name: value.numpy().tobytes() for name, value in network.state_dict().items()},
        [(name, part.training) for name, part in network.named_modules()],
        [parameter.requires_grad for parameter in network.parameters()],
        torch.is_grad_enabled(),
    )


class Failing(nn.Module):
    """Fails as long as it is told to."""

    def __init__(self):
        super().__init__()
        self.network = Kit.network()
        self.fail = True

    def forward(self, images):
        """Scores of images."""
        if self.fail:
            raise RuntimeError("the network failed")
        return self.network(images)


class Kit:
    """PyTorch for the contract."""

    Tensor = torch.Tensor
    Layer = nn.Module
    state_of = staticmethod(state_of)
    failing = Failing

    @staticmethod
    def tensor(array):
        """An array as a Tensor."""
        return torch.tensor(array)

    @staticmethod
    def array(tensor):
        """A Tensor's values."""
        return tensor.numpy()

    @staticmethod
    def network():
        """A small network of 5 classes."""
        torch.manual_seed(5)
        layers = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(3)
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(54, 5))

    @staticmethod
    def change(network):
        """Another weight."""
        with torch.no_grad():
            network[0].weight *= 2


@pytest.fixture
def kit():
    """What the contract needs."""
    return Kit


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer(ExplainerContract, PerturbationContract):
    """One class over both."""

    def test_refuses_a_network_that_is_no_module(self, make):
        with pytest.raises(TypeError, match="`network` must be an nn.Module, got NoneType"):
            type(make(Kit.network()))(None, "softmax")

    def test_the_network_is_evaluated_not_trained(self, make):
        trained, evaluated = Kit.network().train(), Kit.network().eval()
        maps = [make(network)(Kit.tensor(IMAGES), 1) for network in (trained, evaluated)]
        assert torch.equal(*maps)

    @pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
    def test_a_copy_gives_the_same_map(self, make, copied):
        explainer = make(Kit.network())
        expected = explainer(Kit.tensor(IMAGES), 1)
        other = copied(explainer)
        assert torch.equal(other(Kit.tensor(IMAGES), 1), expected)
        assert (other.network is explainer.network) == (copied is copy.copy)

    def test_a_pickle_gives_the_same_map(self, make):
        explainer = make(Kit.network())
        expected = explainer(Kit.tensor(IMAGES), 1)
        again = pickle.loads(pickle.dumps(explainer))
        assert torch.equal(again(Kit.tensor(IMAGES), 1), expected)
