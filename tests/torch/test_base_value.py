"""Explainers over PyTorch whose masked pixels show a picture."""

import numpy as np
import pytest
import torch
from torch import nn

from fastxai.ops import MaskSpec, masked_product
from fastxai.torch import RISE, Occlusion

SIZE = (12, 10)
IMAGE = np.random.default_rng(3).normal(size=(3, *SIZE)).astype(np.float32)
PICTURE = np.random.default_rng(4).normal(size=(3, *SIZE)).astype(np.float32)
WEIGHTS = np.random.default_rng(5).normal(size=(2, 360)).astype(np.float32)


@pytest.fixture
def network():
    dense = nn.Linear(360, 2, bias=False)
    dense.weight.data = torch.from_numpy(WEIGHTS.copy())
    return nn.Sequential(nn.Flatten(), dense)


def scores_of(batch):
    return batch.reshape(len(batch), -1).astype(np.float64) @ WEIGHTS[1]


@pytest.mark.parametrize("base", [PICTURE, torch.from_numpy(PICTURE)], ids=["array", "tensor"])
def test_rise_is_the_formula_over_a_picture(network, base):
    rise = RISE(
        network, None, num_masks=60, seed=7, estimator="plain", design="iid", base_value=base
    )
    got = rise(torch.from_numpy(IMAGE[None]), 1)[0, 0].numpy()
    spec = MaskSpec(7, SIZE, (10, 10), 0.5, (11, 11), "iid")
    masks = masked_product(np.ones((1, *SIZE), np.float32), spec, 0, 60).astype(np.float64)
    scores = scores_of(IMAGE * masks + PICTURE * (1 - masks))
    expected = np.einsum("m,myx->yx", scores, masks[:, 0]) / 60
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)


def test_occlusion_shows_the_mean_of_the_image(network):
    occlusion = Occlusion(network, None, window=(4, 5), base_value="mean")
    got = occlusion(torch.from_numpy(IMAGE[None]), 1)[0, 0].numpy()
    covered = IMAGE.copy()
    covered[:, 4:8, 5:10] = IMAGE.mean(axis=(1, 2))[:, None, None]
    drop = (scores_of(IMAGE[None]) - scores_of(covered[None]))[0]
    np.testing.assert_allclose(got[4:8, 5:10], abs(drop) / 2, rtol=1e-4)
