"""The map so far, through the progress callable."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISE, Occlusion
from tests import _networks as networks
from tests._compare import assert_close

IMAGES = ms.Tensor(np.random.default_rng(4).normal(size=(2, 3, 20, 24)).astype(np.float32))
TARGETS = [[3, 1], [0, 4]]


@pytest.mark.parametrize("design", ["iid", "oa128"])
@pytest.mark.parametrize("estimator", ["plain", "centred"])
def test_it_is_the_map_of_the_masks_so_far(mode, design, estimator):
    network = networks.SmallConv()

    def explainer(number):
        return RISE(
            network, nn.Softmax(), 32, num_masks=number, seed=2, design=design,
            estimator=estimator,
        )  # fmt: skip

    seen = {}

    def watch(done, total, partial):
        seen[partial.image, partial.done] = partial.saliency()

    maps = explainer(128)(IMAGES, TARGETS, progress=watch).asnumpy()
    assert list(seen) == [(image, done) for image in (0, 1) for done in (32, 64, 96, 128)]
    for (image, done), saliency in seen.items():
        assert (saliency.shape, saliency.dtype) == ((2, 20, 24), np.float32)
        expected = explainer(done)(IMAGES, TARGETS).asnumpy()[image]
        assert_close(saliency, expected, atol=0.0)
    np.testing.assert_array_equal(seen[1, 128], maps[1])


def test_a_control_variate_is_left_out_of_it():
    seen = []
    options = {"num_masks": 256, "seed": 2}
    rise = RISE(networks.SmallConv(), nn.Softmax(), 128, estimator="control-variate", **options)
    rise(IMAGES, TARGETS, progress=lambda done, total, partial: seen.append(partial.saliency()))
    expected = RISE(networks.SmallConv(), nn.Softmax(), 128, **options)(IMAGES, TARGETS)
    np.testing.assert_array_equal(seen[1], expected.asnumpy()[0])


def test_one_mask_is_enough():
    seen = []
    rise = RISE(networks.SmallConv(), nn.Softmax(), 1, num_masks=2, seed=2)
    rise(IMAGES, 1, progress=lambda done, total, partial: seen.append(partial.saliency()))
    assert np.isfinite(seen).all()


def test_occlusion_has_the_windows_so_far():
    seen = []
    occlusion = Occlusion(networks.SmallConv(), nn.Softmax(), 5, window=4)
    maps = occlusion(
        IMAGES, TARGETS,
        progress=lambda done, total, partial: seen.append((partial.done, partial.saliency())),
    ).asnumpy()  # fmt: skip
    for done, saliency in seen[: len(seen) // 2]:
        reached = np.zeros((5, 6), bool)
        reached.ravel()[:done] = True
        shown = np.kron(reached, np.ones((4, 4), bool))
        np.testing.assert_array_equal(saliency, np.where(shown, maps[0], 0.0))
    np.testing.assert_array_equal(seen[-1][1], maps[1])


def test_callables_that_do_not_ask_for_it_get_two_numbers():
    calls = []

    class Watcher:
        def __call__(self, *given, **named):
            calls.append((given, named))

    rise = RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=64, seed=2)
    rise(IMAGES, 1, progress=Watcher())
    rise(IMAGES, 1, progress=print)  # written in C
    assert calls == [((done, 128), {}) for done in (32, 64, 96, 128)]
