"""mindspore_xai's helper functions: known answers, worked out by hand."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from fastxai.common import utils
from fastxai.common.operators import softmax


def network():
    return nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2, "ones", "zeros"))


def test_abs_max_is_the_largest_magnitude_over_channels():
    gradients = Tensor(np.array([[[[1.0, -5.0]], [[-3.0, 2.0]]]], np.float32))
    assert utils.abs_max(gradients).asnumpy().tolist() == [[[[3.0, 5.0]]]]


def test_generate_one_hot():
    encoded = utils.generate_one_hot(Tensor([2, 0], ms.int32), 3)
    assert encoded.dtype == ms.float32
    assert encoded.asnumpy().tolist() == [[0, 0, 1], [1, 0, 0]]


def test_unify_inputs_gives_a_tuple_of_tensors():
    tensor = Tensor([1.0])
    assert utils.unify_inputs((tensor, 1)) == (tensor, 1)
    assert utils.unify_inputs(tensor)[0] is tensor
    assert isinstance(utils.unify_inputs(np.ones(2))[0], Tensor)
    with pytest.raises(TypeError, match="must be a tuple, a Tensor or an ndarray, got list"):
        utils.unify_inputs([tensor])


@pytest.mark.parametrize("targets", [3, np.int64(3), [3, 3], (3, 3), Tensor(3), Tensor([3, 3])])
def test_unify_targets_gives_one_int32_per_image(targets):
    unified = utils.unify_targets(2, targets)
    assert (unified.dtype, unified.asnumpy().tolist()) == (ms.int32, [3, 3])


@pytest.mark.parametrize("targets", [[1, 2, 3], [[1, 2], [3, 4]]])
def test_unify_targets_refuses_other_shapes(targets):
    with pytest.raises(ValueError, match="`targets` must be one class"):
        utils.unify_targets(2, targets)


def test_retrieve_layer_takes_a_name_or_a_cell():
    net = network()
    assert utils.retrieve_layer(net, "1") is net[1]
    assert utils.retrieve_layer(net, net[0]) is net[0]
    assert utils.retrieve_layer(net) is net
    assert utils.retrieve_layer_by_name(net, "1") is net[1]


def test_retrieve_layer_refuses_what_is_not_there():
    with pytest.raises(ValueError, match="no layer '2'"):
        utils.retrieve_layer(network(), "2")
    with pytest.raises(ValueError, match="a ReLU that is not part of"):
        utils.retrieve_layer(network(), nn.ReLU())
    with pytest.raises(TypeError, match="`layer` must be a str or an nn.Cell, got int"):
        utils.retrieve_layer(network(), 1)
    with pytest.raises(TypeError, match="`layer_name` must be a str, got Dense"):
        utils.retrieve_layer_by_name(network(), network()[1])


def test_forward_probe_keeps_the_output_and_leaves_nothing_behind():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    net = network()
    images = Tensor(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2))
    with utils.ForwardProbe(net[0]) as probe:
        assert probe.value is None
        net(images)
        assert probe.value.asnumpy().tolist() == [[0, 1, 2, 3]]
    assert probe.value is None
    assert not net[0]._forward_hook
    with pytest.raises(TypeError, match="must be an nn.Cell, got str"):
        utils.ForwardProbe("0")


def test_calc_correlation():
    x = np.array([1.0, 2.0, 4.0])
    assert utils.calc_correlation(x, 3 - 2 * x) == pytest.approx(-1.0)
    # deviations (-1, 0, 1) and (-2, 1, 1): 3 / sqrt(2 * 6)
    assert utils.calc_correlation(Tensor([1.0, 2.0, 3.0]), np.array([1.0, 4.0, 4.0])) == (
        pytest.approx(3 / 12**0.5)
    )
    assert utils.calc_correlation(x, np.full(3, 0.1)) == 0.0
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(2,\)"):
        utils.calc_correlation(x, x[:2])
    with pytest.raises(TypeError, match="got list"):
        utils.calc_correlation(x, [1.0, 2.0, 3.0])


def test_calc_auc_leaves_the_ends_out():
    assert utils.calc_auc(np.array([9.0, 1.0, 2.0, 9.0])) == 3.0 / 4.0
    curve = np.stack([np.full((2, 1, 2), value) for value in (9.0, 1.0, 2.0, 9.0)])
    assert utils.calc_auc(curve).tolist() == [0.75, 0.75]


def test_rank_pixels_ranks_row_by_row_and_equal_values_in_order():
    values = np.array([[3.0, 1.0, 3.0], [0.0, 2.0, 1.0]])
    assert utils.rank_pixels(values).tolist() == [[0, 2, 1], [2, 0, 1]]
    assert utils.rank_pixels(values, descending=False).tolist() == [[1, 0, 2], [0, 2, 1]]
    with pytest.raises(ValueError, match="2-D or 3-D"):
        utils.rank_pixels(np.zeros(3))


def test_resize_keeps_rows_and_columns_and_floats():
    images = Tensor(np.array([[[[0.0, 1.0, 5.0]], [[2.0, 2.0, 2.0]]]], np.float32))
    nearest = utils.resize(images, (2, 3), "nearest_neighbor").asnumpy()
    assert nearest.tolist() == [[[[0, 1, 5], [0, 1, 5]], [[2, 2, 2], [2, 2, 2]]]]
    wide = utils.resize(images, (1, 6), "bilinear").asnumpy()[0, 0, 0]
    np.testing.assert_allclose(wide, [0, 0.25, 0.75, 2, 4, 5])  # half-pixel centres
    with pytest.raises(ValueError, match="'cubic'"):
        utils.resize(images, (2, 2), "cubic")


def test_softmax_is_a_cell():
    np.testing.assert_allclose(softmax()(Tensor([[0.0, 0.0]])).asnumpy(), [[0.5, 0.5]])
