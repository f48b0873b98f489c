"""Masks of whole patches over PyTorch networks, on the CPU and the way of a GPU."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai.torch import RISE, Occlusion  # noqa: E402
from tests.scores._patches import IMAGES, KERNEL, PATCH, PatchContract  # noqa: E402


class TestModules(PatchContract):
    @pytest.fixture(autouse=True)
    def a_place(self, place):
        self.place = place

    def made(self, kind=RISE, **settings):
        network = nn.Conv2d(2, len(KERNEL), PATCH, PATCH, bias=False).to(self.place)
        with torch.no_grad():
            network.weight.copy_(torch.from_numpy(KERNEL))
        return kind(network, None, **settings)

    def rise(self, **settings):
        made = self.made(**settings)
        return lambda images, targets: (
            made(torch.from_numpy(images).to(self.place), targets).cpu().numpy()
        )

    def occlusion(self, **settings):
        return self.rise(kind=Occlusion, **settings)

    def explanation(self, **settings):
        return self.made(**settings)(torch.from_numpy(IMAGES[:1]).to(self.place), 1, "result")
