"""Scores over PyTorch networks, on the CPU and the way of a GPU."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai import torch as explainers  # noqa: E402
from tests.scores._contract import WEIGHT, ScoreContract  # noqa: E402


class TestModules(ScoreContract):
    @pytest.fixture(autouse=True)
    def a_place(self, place):
        self.place = place

    def explainer(self, kind, activation, **settings):
        network = nn.Conv2d(2, len(WEIGHT), 1, bias=False).to(self.place)
        with torch.no_grad():
            network.weight.copy_(torch.from_numpy(WEIGHT[:, :, None, None]))
        made = getattr(explainers, kind)(network, activation, **settings)
        return lambda images, *arguments, **options: (
            made(torch.from_numpy(images).to(self.place), *arguments, **options).cpu().numpy()
        )
