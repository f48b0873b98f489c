"""Explainers whose copies are made on the device: the same maps."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.explainer import RISE, Occlusion
from fastxai.ops import device_ops, select_device_ops
from tests import _networks as networks
from tests._compare import MAP_ATOL, NETWORK_ATOL, assert_close

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 23, 17)).astype(np.float32)


@pytest.fixture(autouse=True)
def _as_it_was():
    yield
    select_device_ops("auto")


def rise(**options):
    """A small run of RISE."""
    return RISE(networks.SmallConv(), nn.Softmax(), 32, num_masks=100, seed=9, **options)


def occlusion():
    """Windows that overlap, and do not fill whole batches."""
    return Occlusion(networks.SmallConv(), nn.Softmax(), 32, window=(5, 4), strides=(3, 2))


@pytest.mark.parametrize("options", [{}, {"base_value": (0.3, -1.0, 2.0)}, {"design": "oa128"}])
def test_rise_has_the_map_of_the_host(mode, options):
    expected = rise(**options)(ms.Tensor(IMAGES), [[1, 3], [0, 2]]).asnumpy()
    select_device_ops("mindspore")
    maps = rise(**options)(ms.Tensor(IMAGES), [[1, 3], [0, 2]]).asnumpy()
    assert_close(maps, expected, atol=MAP_ATOL)


def test_rise_keeps_scores_for_the_control_variate(mode):
    options = {"num_masks": 256, "seed": 3, "estimator": "control-variate"}
    maps = []
    for name in ("auto", "mindspore"):
        select_device_ops(name)
        explainer = RISE(networks.SmallConv(), nn.Softmax(), 32, **options)
        maps.append(explainer(ms.Tensor(IMAGES[:1]), 2).asnumpy())
    assert_close(maps[1], maps[0], atol=10 * NETWORK_ATOL)


def test_occlusion_has_the_map_of_the_host(mode):
    expected = occlusion()(ms.Tensor(IMAGES), [1, 2]).asnumpy()
    select_device_ops("mindspore")
    assert_close(occlusion()(ms.Tensor(IMAGES), [1, 2]).asnumpy(), expected, atol=NETWORK_ATOL)


@pytest.mark.parametrize("make", [rise, occlusion])
def test_ascend_by_name_is_an_error_on_a_cpu(make):
    select_device_ops("ascend")
    with pytest.raises(RuntimeError, match="the device is CPU"):
        make()(ms.Tensor(IMAGES), 1)


@pytest.mark.parametrize("make", [rise, occlusion])
def test_a_change_of_mind_between_calls_is_followed(make):
    explainer = make()
    expected = explainer(ms.Tensor(IMAGES), 1).asnumpy()
    for name in ("mindspore", "host", "mindspore"):
        select_device_ops(name)
        assert device_ops()[0] == name
        assert_close(explainer(ms.Tensor(IMAGES), 1).asnumpy(), expected, atol=NETWORK_ATOL)


@pytest.mark.parametrize("make", [rise, occlusion])
def test_scores_that_are_not_finite_are_refused(make):
    select_device_ops("mindspore")
    explainer = make()
    network = explainer._network
    network.dense.bias.set_data(ms.Tensor(np.full(5, np.nan, np.float32)))
    with pytest.raises(ValueError, match="not finite"):
        explainer(ms.Tensor(IMAGES), 1)


@pytest.mark.parametrize("make", [rise, occlusion])
def test_a_target_that_the_network_lacks_is_refused(make):
    select_device_ops("mindspore")
    with pytest.raises(ValueError, match=r"must be in \[0, 5\)"):
        make()(ms.Tensor(IMAGES), 7)
