"""What every explainer promises, whatever it computes."""

import signal

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from PIL import Image

from fastxai.common.attribution import Attribution
from fastxai.explainer import (
    RISE,
    Deconvolution,
    GradCAM,
    Gradient,
    GuidedBackprop,
    Occlusion,
    RISEPlus,
)
from fastxai.tool.cv import OoDNet
from tests import _networks as networks
from tests._compare import NETWORK_ATOL, assert_close
from tests.tool import _classifiers as classifiers


def relu_of(network):
    """A layer for GradCAM."""
    return next(cell for _, cell in network.cells_and_names() if isinstance(cell, nn.ReLU))


class RISEPlusOf(RISEPlus):
    """With an OoDNet of its own, constructed like the others."""

    def __init__(self, network, *arguments, **options):
        ood_net = OoDNet(classifiers.Convolution(), 3)
        classifiers.set_weights(ood_net, 0)
        super().__init__(ood_net, network, *arguments, **options)


PERTURBATION = {
    "RISE": lambda network: RISE(network, nn.Softmax(), 16, num_masks=40, seed=0),
    "RISEPlus": lambda network: RISEPlusOf(network, nn.Softmax(), 16, num_masks=40, seed=0),
    "Occlusion": lambda network: Occlusion(network, nn.Softmax(), 16, window=4),
}
MAKERS = {
    **PERTURBATION,
    "Gradient": Gradient,
    "GradCAM": lambda network: GradCAM(network, relu_of(network)),
    "GuidedBackprop": GuidedBackprop,
    "Deconvolution": Deconvolution,
}
IMAGES = np.random.default_rng(0).normal(size=(2, 3, 12, 15)).astype(np.float32)


def state_of(network):
    """Everything of a network that an explainer must not change."""
    return (
        [(p.name, p.requires_grad, p.asnumpy().tobytes()) for p in network.get_parameters()],
        [(name, part.training, part.phase) for name, part in network.cells_and_names()],
        [len(part._forward_hook) for _, part in network.cells_and_names()],
        ms.get_context("mode"),
        ms.get_context("device_target"),
    )


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
class TestEveryExplainer:
    """One class over all explainers."""

    def test_is_an_attribution_of_the_callers_network(self, make):
        network = networks.SmallConv()
        explainer = make(network)
        assert isinstance(explainer, Attribution)
        assert explainer.network is network

    def test_the_network_is_given_back_as_it_came(self, make, mode):
        network = networks.SmallConv()
        network.set_train(True)
        network.relu.set_train(False)
        network.dense.weight.requires_grad = False
        before = state_of(network)
        explainer = make(network)
        assert state_of(network) == before
        explainer(ms.Tensor(IMAGES), 1)
        assert state_of(network) == before

    def test_the_network_is_evaluated_not_trained(self, make, mode):
        trained, evaluated = networks.SmallConv(), networks.SmallConv()
        trained.set_train(True)
        maps = [make(net)(ms.Tensor(IMAGES), 1).asnumpy() for net in (trained, evaluated)]
        np.testing.assert_array_equal(maps[0], maps[1])

    def test_after_an_exception_in_the_network_all_is_as_it_was_and_works(self, make):
        network = networks.Failing()
        network.set_train(True)
        explainer = make(network)
        before = state_of(network)
        with pytest.raises(RuntimeError, match="the network failed"):
            explainer(ms.Tensor(IMAGES), 1)
        assert state_of(network) == before
        network.fail = False
        expected = make(networks.SmallConv())(ms.Tensor(IMAGES), 1).asnumpy()
        assert_close(explainer(ms.Tensor(IMAGES), 1).asnumpy(), expected, atol=0.0)

    @pytest.mark.parametrize(
        ("targets", "shape"),
        [
            (3, 1),
            (np.int64(3), 1),
            ([3, 3], 1),
            ((3, 3), 1),
            ([np.int32(3), 3], 1),
            (np.array([3, 3], np.uint8), 1),
            (np.array(3), 1),
            (ms.Tensor([3, 3], ms.int32), 1),
            (ms.Tensor(3), 1),
            ([[3], [3]], 1),
            ([[3, 1], [3, 0]], 2),
            (ms.Tensor([[3, 1], [3, 0]]), 2),
        ],
        ids=str,
    )
    def test_takes_targets_in_every_form(self, make, targets, shape):
        explainer = make(networks.SmallConv())
        maps = explainer(ms.Tensor(IMAGES), targets).asnumpy()
        assert maps.shape == (2, shape, 12, 15)
        expected = explainer(ms.Tensor(IMAGES), [3, 3]).asnumpy()
        np.testing.assert_array_equal(maps[:, 0], expected[:, 0])

    def test_every_column_of_targets_has_maps_of_its_own(self, make, mode):
        explainer = make(networks.SmallConv())
        maps = explainer(ms.Tensor(IMAGES), [[3, 1, 3], [0, 4, 0]]).asnumpy()
        for column, targets in enumerate([[3, 0], [1, 4], [3, 0]]):
            expected = explainer(ms.Tensor(IMAGES), targets).asnumpy()
            assert_close(maps[:, column], expected[:, 0], atol=NETWORK_ATOL)
        assert np.abs(maps[:, 0] - maps[:, 1]).max() > 100 * NETWORK_ATOL

    @pytest.mark.parametrize(
        ("targets", "error", "words"),
        [
            (5, ValueError, r"`targets` must be in \[0, 5\), got 5"),
            ([0, 77], ValueError, r"`targets` must be in \[0, 5\), got 77"),
            (-1, ValueError, "`targets` must be 0 or more, got -1"),
            ([1, 2, 3], ValueError, r"`targets` must be one class, \(2,\) or \(2, L\)"),
            ([], ValueError, "`targets` must not be empty"),
            (np.zeros((2, 1, 1), int), ValueError, r"got shape \(2, 1, 1\)"),
            ([[1], [1, 2]], ValueError, "`targets` must not be ragged"),
            (2**70, ValueError, r"`targets` must be below 2\^63, got 1180591620717411303424"),
            (np.array([2**63, 1], np.uint64), ValueError, r"below 2\^63, got 9223372036854775808"),
            ([-(2**70), 0], ValueError, "`targets` must be 0 or more, got -1180591620717411303424"),
            (True, TypeError, "`targets` must be an int, a list"),
            (np.bool_(True), TypeError, "got bool_"),
            ([True, 2], TypeError, "got bool values"),
            (((1, np.bool_(False)), (2, 3)), TypeError, "got bool values"),
            (np.array([True, False]), TypeError, "got bool values"),
            (ms.Tensor([True, False]), TypeError, "got bool values"),
            ([1, None], TypeError, "got object values"),
            (1.0, TypeError, "got float"),
            ("1", TypeError, "got str"),
            (np.array([1.0, 2.0]), TypeError, "got float64 values"),
            (ms.Tensor([1.0, 2.0]), TypeError, "got float32 values"),
        ],
        ids=str,
    )
    def test_refuses_targets(self, make, targets, error, words):
        with pytest.raises(error, match=words):
            make(networks.SmallConv())(ms.Tensor(IMAGES), targets)

    @pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.float64, np.float16])
    def test_images_of_other_dtypes_are_used_as_float32(self, make, dtype):
        images = np.random.default_rng(0).integers(0, 9, (1, 3, 12, 15)).astype(dtype)
        explainer = make(networks.SmallConv())
        expected = explainer(ms.Tensor(images.astype(np.float32)), 1).asnumpy()
        np.testing.assert_array_equal(explainer(ms.Tensor(images), 1).asnumpy(), expected)

    def test_bfloat16_images_are_used_as_float32(self, make):
        images = ms.Tensor(np.ones((1, 3, 12, 15), np.float32) * 1.5)
        explainer = make(networks.SmallConv())
        expected = explainer(images, 1).asnumpy()
        np.testing.assert_array_equal(explainer(images.astype(ms.bfloat16), 1).asnumpy(), expected)

    def test_views_of_tensors_are_taken(self, make):
        turned = ms.Tensor(np.ascontiguousarray(IMAGES.transpose(0, 1, 3, 2)))
        explainer = make(networks.SmallConv())
        expected = explainer(ms.Tensor(IMAGES), 1).asnumpy()
        view = turned.transpose(0, 1, 3, 2)
        np.testing.assert_array_equal(explainer(view, 1).asnumpy(), expected)

    @pytest.mark.parametrize(
        ("inputs", "error", "words"),
        [
            (IMAGES, TypeError, "`inputs` must be a Tensor, got ndarray"),
            (ms.Tensor(IMAGES[0]), ValueError, r"`inputs` must be \(N, C, H, W\)"),
            (ms.Tensor(np.zeros((2, 3, 12, 15), bool)), TypeError, "floats or integers, got Bool"),
            (ms.Tensor(IMAGES * np.nan), ValueError, r"finite, got nan at \(0, 0, 0, 0\)"),
            (ms.Tensor(IMAGES + np.inf), ValueError, "`inputs` must be finite, got inf"),
            (
                ms.Tensor(np.full(IMAGES.shape, -1e39)),
                ValueError,
                r"within float32's range, got 1e\+39",
            ),
        ],
        ids=["ndarray", "3-D", "bool", "nan", "inf", "large"],
    )
    def test_refuses_inputs(self, make, inputs, error, words):
        with pytest.raises(error, match=words):
            make(networks.SmallConv())(inputs, 1)

    def test_refuses_a_batch_of_no_images(self, make):
        empty = ms.Tensor(np.zeros((0, 3, 12, 15), np.float32))
        with pytest.raises(ValueError, match="N at least 1"):
            make(networks.SmallConv())(empty, 1)

    @pytest.mark.parametrize(
        ("kwargs", "error", "words"),
        [
            ({"ret": 1}, TypeError, "`ret` must be a str"),
            ({"ret": "foo"}, ValueError, "`ret` must be one of"),
            ({"show": "no"}, TypeError, "`show` must be a bool or None"),
        ],
    )
    def test_refuses_other_arguments(self, make, kwargs, error, words):
        with pytest.raises(error, match=words):
            make(networks.SmallConv())(ms.Tensor(IMAGES), 1, **kwargs)

    def test_ret_image_gives_rgb_pictures_of_the_images_size(self, make):
        images = make(networks.SmallConv())(ms.Tensor(IMAGES), [[1, 2], [3, 4]], ret="image")
        assert [len(row) for row in images] == [2, 2]
        for picture in (picture for row in images for picture in row):
            assert isinstance(picture, Image.Image)
            assert picture.mode == "RGB"
            assert picture.size == (15, 12)

    def test_show_displays_once_and_returns_what_was_asked(self, make, monkeypatch):
        shown = []
        monkeypatch.setattr("fastxai.visual.cv.display.show_images", shown.append)
        saliency = make(networks.SmallConv())(ms.Tensor(IMAGES), 1, show=True)
        assert isinstance(saliency, ms.Tensor)
        assert len(shown) == 1

    def test_no_bar_where_nobody_looks(self, make, capfd):
        make(networks.SmallConv())(ms.Tensor(IMAGES), 1)
        assert capfd.readouterr().err == ""

    def test_refuses_a_network_that_is_no_cell(self, make):
        arguments = (nn.Softmax(),) if make in PERTURBATION.values() else ()
        with pytest.raises(TypeError, match="`network` must be an nn.Cell, got NoneType"):
            type(make(networks.SmallConv()))(None, *arguments)


@pytest.mark.parametrize("make", PERTURBATION.values(), ids=PERTURBATION.keys())
class TestEveryPerturbationExplainer:
    """What those promise besides that score many copies of an image."""

    def test_after_ctrl_c_all_is_as_it_was_and_works(self, make, mode):
        network = networks.SmallConv()
        network.set_train(True)
        explainer = make(network)
        before = state_of(network)

        def interrupt(done, total):
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            explainer(ms.Tensor(IMAGES), 1, progress=interrupt)
        assert state_of(network) == before
        assert explainer(ms.Tensor(IMAGES), 1).shape == (2, 1, 12, 15)

    def test_progress_counts_every_unit_up_to_the_total(self, make):
        seen = []
        explainer = make(networks.SmallConv())
        explainer(ms.Tensor(IMAGES), 1, progress=lambda done, total: seen.append((done, total)))
        done = [d for d, _ in seen]
        assert done == sorted(done)
        assert len({total for _, total in seen}) == 1
        assert done[-1] == seen[-1][1] == 2 * (40 if isinstance(explainer, RISE) else 9)

    def test_progress_true_draws_a_bar(self, make, capfd):
        make(networks.SmallConv())(ms.Tensor(IMAGES), 1, progress=True)
        unit = "window" if make is MAKERS["Occlusion"] else "mask"
        assert f"{unit}/s" in capfd.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ((nn.ReLU(), 3), TypeError, "`activation_fn` must be None, one of .*, got int"),
            ((nn.ReLU(), nn.ReLU(), 0), ValueError, "`perturbation_per_eval` must be in"),
            ((nn.ReLU(), nn.ReLU(), True), TypeError, "`perturbation_per_eval` must be an int"),
            ((nn.ReLU(), nn.ReLU(), 2.0), TypeError, "`perturbation_per_eval` must be an int"),
        ],
    )
    def test_constructor_refuses(self, make, arguments, error, words):
        with pytest.raises(error, match=words):
            type(make(networks.SmallConv()))(*arguments)

    def test_numpy_integers_are_integers(self, make):
        explainer = type(make(networks.SmallConv()))
        assert explainer(networks.SmallConv(), nn.Softmax(), np.int64(4)) is not None

    def test_refuses_other_progress(self, make):
        with pytest.raises(TypeError, match="`progress` must be None, a bool or a callable"):
            make(networks.SmallConv())(ms.Tensor(IMAGES), 1, progress=3)
