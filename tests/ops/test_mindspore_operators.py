"""The ops in MindSpore's own operators equal the reference."""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec
from fastxai.ops.device import CoveredBatches, MaskedBatches
from tests._compare import PRODUCT_RTOL, assert_close
from tests.ops.test_masked_product import SHAPES, expected_product
from tests.ops.test_occlusion import SPECS


def base_of(channels):
    """A base value per channel."""
    return tuple(np.linspace(-1, 2, channels).tolist())


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize(("shape", "grid", "shift_range", "count"), SHAPES)
def test_masked_product_is_within_four_eps_of_the_reference(
    mode, shape, grid, shift_range, count, design
):
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    spec = MaskSpec(11, shape[1:], grid, 0.5, shift_range, design)
    batches = MaskedBatches(image, spec, base_of(shape[0]), "mindspore")
    out = batches(126, count)
    assert out.dtype == ms.float32
    expected = expected_product(
        image.astype(np.float64), spec, 126, count, np.float32(base_of(shape[0]))
    )
    scale = max(float(np.abs(image).max()), 2.0)
    assert_close(out.asnumpy(), expected, atol=PRODUCT_RTOL, scale=scale)


def test_masked_product_has_the_bits_of_the_native_kernel_on_a_cpu():
    if not ops.has_native():
        pytest.skip("no native kernels to compare with")
    image = np.random.default_rng(1).normal(size=(3, 97, 61)).astype(np.float32)
    spec = MaskSpec(2, (97, 61))
    out = MaskedBatches(image, spec, 0.7, "mindspore")(5, 9)
    np.testing.assert_array_equal(
        out.asnumpy(), ops.masked_product(image, spec, 5, 9, base_value=0.7, backend="native")
    )


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_occlusion_fill_equals_the_reference(mode, spec):
    image = np.random.default_rng(0).normal(size=(3, *spec.size)).astype(np.float32)
    batches = CoveredBatches(image, spec, base_of(3), "mindspore")
    count = min(spec.num_windows + 2, 19)
    for first in (-1, spec.num_windows + 1 - count, 2**40):
        expected = ops.occlusion_fill(
            image, spec, first, count, base_value=base_of(3), backend="reference"
        )
        np.testing.assert_array_equal(batches(first, count).asnumpy(), expected)


@pytest.mark.parametrize("kind", [MaskedBatches, CoveredBatches])
def test_batches_refuse_what_does_not_fit(kind):
    spec = MaskSpec(0, (8, 8)) if kind is MaskedBatches else OcclusionSpec((8, 8), (3, 3), (1, 1))
    with pytest.raises(ValueError, match=r"`image` must be \(8, 8\) pixels, got \(8, 9\)"):
        kind(np.zeros((3, 8, 9), np.float32), spec, 0.0, "mindspore")
    with pytest.raises(ValueError, match="a number, 3 numbers"):
        kind(np.zeros((3, 8, 8), np.float32), spec, (1.0, 2.0), "mindspore")
    with pytest.raises(ValueError, match="2\\^31 or more"):
        kind(np.zeros((3, 8, 8), np.float32), spec, 0.0, "mindspore")(0, 2**24)
