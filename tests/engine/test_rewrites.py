"""Operators that MindSpore cannot export, rewritten: the values of MindSpore's own forward."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from fastxai.engine.export import exported
from fastxai.engine.rewrites import with_known_operators

pytest.importorskip("onnxruntime")
from fastxai.engine.onnxruntime import OnnxRuntimeEngine

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 5)).astype(np.float32) * 3


class Held(nn.Cell):
    """An operator in an attribute, and a function of it and the images."""

    def __init__(self, op, use):
        super().__init__()
        self.op, self.use = op, use

    def construct(self, x):
        return self.use(self.op, x)


def applied(op, x):
    return op(x)


def of_unstacked(op, x):
    parts = op(x)
    return parts[2] - parts[0]


def of_unstack(op, x):
    return ops.unstack(x, axis=-1)[3]


def of_stacked(op, x):
    parts = [x, x * 2]
    return ops.stack(parts, axis=1).sum(1)


def erf(op, x):
    return ops.erf(x)


def negated(op, x):
    return ops.logical_not(x > 0).astype(ms.float32)


def group_normed(op, x):
    return op(x + 5)


def padded(op, x):
    return ops.pad(x, (1, 2, 0, 3), value=1.5)


def corners(op, x):
    return ops.interpolate(x, size=(9, 3), mode="bilinear", align_corners=True)


def half_pixels(op, x):
    return ops.interpolate(x, size=(3, 11), mode="bilinear", align_corners=False)


def summed_back(op, x):
    return op(x, 1)


def counted(op, x):
    return (x > 0).cumsum(-2, dtype=ms.float32) + x.cumsum(3)


CELLS = {
    "CumSum": (lambda: ops.CumSum(exclusive=True, reverse=True), summed_back),
    "cumsum": (nn.Identity, counted),
    "Unstack": (lambda: ops.Unstack(axis=1), of_unstacked),
    "unstack": (nn.Identity, of_unstack),
    "stack of a list": (nn.Identity, of_stacked),
    "HSwish": (nn.HSwish, applied),
    "HSigmoid": (nn.HSigmoid, applied),
    "LogicalNot": (nn.Identity, negated),
    "Erf": (ops.Erf, applied),
    "erf": (nn.Identity, erf),
    "exact GELU": (lambda: nn.GELU(approximate=False), applied),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), group_normed),
    "LpNorm": (lambda: ops.LpNorm(axis=[1, 2], p=2, keep_dims=True), applied),
    "L2Normalize": (lambda: ops.L2Normalize(axis=-1, epsilon=1e-12), applied),
    "pad": (nn.Identity, padded),
    "ConstantPad2d": (lambda: nn.ConstantPad2d((1, 0, 2, 1), 0.0), applied),
    "corners": (nn.Identity, corners),
    "half pixels": (nn.Identity, half_pixels),
}


def made(name):
    make, use = CELLS[name]
    return Held(make(), use).set_train(False)


@pytest.mark.parametrize("name", CELLS)
def test_gives_what_mindspore_gives(name):
    expected = made(name)(ms.Tensor(IMAGES)).asnumpy()
    found = OnnxRuntimeEngine(exported(made(name), IMAGES.shape), IMAGES.shape)
    np.testing.assert_allclose(found(IMAGES), expected, atol=1e-6 * np.abs(expected).max())


def test_mindspore_finds_its_own_operators_afterwards():
    import mindspore.graph._parse as parse

    before = parse.resolve_symbol
    with with_known_operators():
        inside = parse.resolve_symbol
    assert inside is not before
    assert parse.resolve_symbol is before


def full(op, x):
    return (x * 2)[:, :4] + (x[:, :, :, :] - 1)


def test_openvino_reads_slices_that_take_all():
    """ONNX Runtime reads them as they are, OpenVINO does not."""
    pytest.importorskip("openvino")
    from fastxai.engine.openvino import OpenVinoEngine

    shape = IMAGES.shape
    model = exported(Held(nn.Identity(), full).set_train(False), shape)
    found = OpenVinoEngine(model, shape)(IMAGES)
    np.testing.assert_allclose(found, IMAGES * 3 - 1, atol=1e-5)
    np.testing.assert_allclose(OnnxRuntimeEngine(model, shape)(IMAGES), found, atol=1e-5)


def test_a_model_without_such_slices_stays_the_same_object(tmp_path):
    from fastxai.engine.full_slices import without_full_slices
    from tests.models._onnx import write_linear

    model = write_linear(tmp_path / "net.onnx").read_bytes()
    assert without_full_slices(model) is model
