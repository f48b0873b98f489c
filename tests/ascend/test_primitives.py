"""MindSpore's primitives of the vendor ops: names, shapes and what they are given."""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, ascend
from fastxai.ops.device import CoveredBatches, MaskedBatches
from tests.ascend._ops import accumulate_inputs, occlusion_inputs, product_inputs

IMAGE = np.random.default_rng(0).normal(size=(3, 21, 34)).astype(np.float32)
BASE = np.array([0.5, -1.0, 2.0], np.float32)
MASKS = MaskSpec(2**63 + 5, (21, 34), (4, 3), 0.4, (5, 2))
WINDOWS = OcclusionSpec((21, 34), (4, 5), (2, 3))

SCORES = np.ones((6, 2), np.float32)
CASES = {
    "masked_product": product_inputs(IMAGE, BASE, MASKS, 0, 6),
    "saliency_accumulate": accumulate_inputs(SCORES, MASKS, 0, 6),
    "occlusion_fill": occlusion_inputs(IMAGE, BASE, WINDOWS, 0, 6),
}


class Emulated:
    """Stands in for `ops.Custom`: runs the kernel of that name on the emulator."""

    def __init__(self, library, name, out_shape, out_dtype, func_type):
        assert func_type == "aot"
        self.library = library
        self.name = name.removeprefix("aclnn")
        self.out_shape = out_shape
        self.out_dtype = out_dtype
        self.attributes = {}

    def add_prim_attr(self, name, value):
        self.attributes[name] = value

    def __call__(self, *tensors):
        inputs = [tensor.asnumpy() for tensor in tensors]
        (out,) = self.library.call(self.name, inputs)
        return ms.Tensor(out)


@pytest.fixture
def emulated(library, monkeypatch):
    """Every vendor primitive runs on the emulator."""

    def make(name, out_shape, out_dtype, func_type):
        return Emulated(library, name, out_shape, out_dtype, func_type)

    monkeypatch.setattr(ms.ops, "Custom", make)


@pytest.mark.parametrize("op", CASES)
def test_python_and_op_host_infer_the_same_outputs(emulated, library, op):
    primitive = getattr(ascend, op)()
    inputs = CASES[op]
    shapes = primitive.out_shape(*[array.shape for array in inputs])
    dtypes = primitive.out_dtype(*[array.dtype for array in inputs])
    if op != "saliency_accumulate":
        shapes, dtypes = (shapes,), (dtypes,)
    for index, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True)):
        expected = library.infer(primitive.name, [array.shape for array in inputs], index)
        assert (tuple(shape), str(dtype)) == expected


@pytest.mark.parametrize("op", CASES)
def test_every_primitive_has_a_key_of_its_own(emulated, op):
    primitive = getattr(ascend, op)()
    assert primitive.attributes == {"fastxai_key": primitive.name}
    assert primitive.name in ascend.OPS


def test_masked_batches_give_the_kernel_what_it_wants(emulated):
    out = MaskedBatches(IMAGE, MASKS, tuple(BASE.tolist()), "ascend")(7, 5)
    expected = ops.masked_product(IMAGE, MASKS, 7, 5, base_value=tuple(BASE.tolist()))
    np.testing.assert_array_equal(out.asnumpy(), expected)


def test_covered_batches_give_the_kernel_what_it_wants(emulated):
    batches = CoveredBatches(IMAGE, WINDOWS, tuple(BASE.tolist()), "ascend")
    for first in (-1, 30):
        expected = ops.occlusion_fill(IMAGE, WINDOWS, first, 6, base_value=tuple(BASE.tolist()))
        np.testing.assert_array_equal(batches(first, 6).asnumpy(), expected)
