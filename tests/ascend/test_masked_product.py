"""The Ascend kernel, on the emulator, gives the bits of the CPU op."""

import numpy as np
import pytest

from fastxai.ops import MaskSpec, has_native, masked_product
from tests._compare import PRODUCT_RTOL, assert_close
from tests.ascend._ops import product_inputs
from tests.ops.test_masked_product import SHAPES, expected_product

OP = "FastxaiMaskedProduct"
# Beside those of the CPU: several tiles of channels, of columns and of rows at once; one cell.
MORE = [
    ((11, 40, 9), (4, 5), (3, 3), 2),
    ((1, 70, 1100), (10, 10), (11, 11), 2),
    ((3, 9, 8), (40, 2), (1, 1), 2),
    ((2, 1, 1), (1, 1), (1, 1), 1),
]


def inputs_of(shape, grid, shift_range, design):
    """Image, base per channel and masks of a case."""
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    base = np.linspace(-1, 2, shape[0]).astype(np.float32)
    probability = 0.4 if design == "iid" else 0.5
    return image, base, MaskSpec(11, shape[1:], grid, probability, shift_range, design)


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize(("shape", "grid", "shift_range", "count"), [*SHAPES, *MORE])
def test_equals_the_cpu_op_to_the_bit(library, shape, grid, shift_range, count, design):
    if not has_native():
        pytest.skip("no native kernels to compare with")
    image, base, spec = inputs_of(shape, grid, shift_range, design)
    (out,) = library.call(OP, product_inputs(image, base, spec, 126, count))
    expected = masked_product(
        image, spec, 126, count, base_value=tuple(base.tolist()), backend="native"
    )
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("shape", "grid", "shift_range", "count"), [*SHAPES[1:], *MORE])
def test_is_within_four_eps_of_the_formula(library, shape, grid, shift_range, count):
    image, base, spec = inputs_of(shape, grid, shift_range, "iid")
    (out,) = library.call(OP, product_inputs(image, base, spec, 0, count))
    scale = max(float(np.abs(image).max()), 2.0)
    expected = expected_product(image.astype(np.float64), spec, 0, count, base)
    assert_close(out, expected, atol=PRODUCT_RTOL, scale=scale)


@pytest.mark.parametrize(("shape", "grid", "shift_range", "count"), [*SHAPES, *MORE])
def test_over_a_picture_it_equals_the_cpu_op_to_the_bit(library, shape, grid, shift_range, count):
    image, _, spec = inputs_of(shape, grid, shift_range, "iid")
    base = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    (out,) = library.call(OP, product_inputs(image, base, spec, 126, count))
    expected = masked_product(image, spec, 126, count, base_value=base, backend="native")
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("cores", [1, 2, 7, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_same_bits_on_any_number_of_cores_in_any_order(library, cores, seed):
    image, base, spec = inputs_of((3, 97, 61), (10, 10), (11, 11), "iid")
    inputs = product_inputs(image, base, spec, 0, 9)
    (one,) = library.call(OP, inputs, cores=1)
    (many,) = library.call(OP, inputs, cores=cores, seed=seed)
    np.testing.assert_array_equal(one, many)


def test_the_largest_tiles_that_fit_are_taken(library):
    image, base, spec = inputs_of((3, 224, 224), (10, 10), (11, 11), "iid")
    shapes = [array.shape for array in product_inputs(image, base, spec, 0, 256)]
    words, blocks = library.tile(OP, shapes, 40)
    assert blocks == 40
    assert words.tolist()[8:11] == [3, 23, 224]  # channels, rows and columns of a tile


def test_infinite_and_nan_pixels_go_where_the_cpu_puts_them(library):
    image, base, spec = inputs_of((3, 20, 33), (4, 4), (5, 5), "iid")
    image[0, 3, 4], image[1, 5, 6], image[2, 7, 8] = np.nan, np.inf, -0.0
    with np.errstate(invalid="ignore"):
        (out,) = library.call(OP, product_inputs(image, base, spec, 0, 4))
        expected = masked_product(image, spec, 0, 4, base_value=tuple(base.tolist()))
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    "change",
    [
        {0: (3, 9)},  # image without channels
        {1: (4,)},  # base of four channels
        {3: (2, 3)},  # shifts of three axes
        {5: (2, 17)},  # weights for other rows
        {4: (2, 8), 5: (2, 8)},  # enlarged to less than the image
        {2: (2, 5, 60000), 6: (2, 12), 7: (2, 12)},  # a coarse row that fills the core
        {2: (0, 5, 5), 3: (0, 2)},  # no masks
    ],
)
def test_op_host_refuses_shapes_that_do_not_fit(library, change):
    image, base, spec = inputs_of((3, 9, 10), (5, 5), (3, 3), "iid")
    shapes = [array.shape for array in product_inputs(image, base, spec, 0, 2)]
    assert library.tile(OP, shapes, 40) is not None
    for index, shape in change.items():
        shapes[index] = shape
    assert library.tile(OP, shapes, 40) is None
