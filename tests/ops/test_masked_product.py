"""Masked copies of an image."""

import numpy as np
import pytest

from fastxai import ops, reference
from fastxai.ops import MaskSpec, mask_grid, mask_upsample, masked_product
from tests._compare import BFLOAT_RTOL, HALF_RTOL, PRODUCT_RTOL, assert_close

SHAPES = [
    ((3, 224, 224), (10, 10), (11, 11), 8),  # streams past the caches
    ((3, 97, 61), (10, 10), (11, 11), 5),
    ((1, 1, 1), (2, 3), (1, 1), 3),
    ((5, 31, 2), (7, 7), (4, 2), 4),
    ((2, 3, 5003), (3, 9), (2, 11), 3),  # a row longer than a tile
    ((4, 7, 11), (1, 1), (3, 3), 2),
]


def bfloat16_to_float(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def expected_product(image, spec, first, count, base):
    cells, shifts = mask_grid(spec, first, count, backend="reference")
    masks = reference.mask_upsample(cells, shifts, spec.size, spec.up_size)
    return image[None] * masks + np.reshape(base, (1, -1, 1, 1)) * (1 - masks)


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
@pytest.mark.parametrize(("shape", "grid", "shift_range", "count"), SHAPES)
def test_every_isa_is_within_four_eps_of_the_formula(isa, shape, grid, shift_range, count, design):
    image = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    base = tuple(np.linspace(-1, 2, shape[0]))
    spec = MaskSpec(11, shape[1:], grid, 0.5, shift_range, design)
    first = 126  # over the border of a block
    out = masked_product(image, spec, first, count, base_value=base, backend="native")
    scale = max(float(np.abs(image).max()), 2.0)
    expected = expected_product(image.astype(np.float64), spec, first, count, np.float32(base))
    assert_close(out, expected, atol=PRODUCT_RTOL, scale=scale)


def test_is_the_upsampled_mask_times_the_image_to_the_bit(isa):
    image = np.random.default_rng(1).normal(size=(3, 60, 45)).astype(np.float32)
    spec = MaskSpec(2, (60, 45))
    masks = mask_upsample(*mask_grid(spec, 5, 9), spec.size, spec.up_size)
    base = np.float32(0.7)
    by_hand = image[None] * masks + base * (np.float32(1) - masks)
    np.testing.assert_array_equal(
        masked_product(image, spec, 5, 9, base_value=0.7, backend="native"), by_hand
    )


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("count", [3, 40])  # through the caches, and past them
def test_all_isas_give_the_same_bits(dtype, count):
    image = np.random.default_rng(1).normal(size=(3, 101, 133)).astype(np.float32) * 100
    spec = MaskSpec(2, (101, 133))
    best = ops.native_info()["isa"]
    results = []
    for name in ops.isas():
        ops.select_isa(name)
        results.append(masked_product(image, spec, 0, count, base_value=0.3, dtype=dtype))
    ops.select_isa(best)
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@pytest.mark.parametrize(("dtype", "rtol"), [("float16", HALF_RTOL), ("bfloat16", BFLOAT_RTOL)])
def test_half_precision_is_the_float32_product_rounded_once(isa, dtype, rtol):
    image = np.random.default_rng(1).normal(size=(3, 33, 47)).astype(np.float32)
    spec = MaskSpec(2, (33, 47))
    exact = masked_product(image, spec, 0, 4, base_value=0.3, backend="native")
    half = masked_product(image, spec, 0, 4, base_value=0.3, dtype=dtype, backend="native")
    if dtype == "float16":
        np.testing.assert_array_equal(half, exact.astype(np.float16))
    value = half.astype(np.float32) if dtype == "float16" else bfloat16_to_float(half)
    np.testing.assert_allclose(value, exact, rtol=rtol, atol=1e-7)


SPECIAL = np.array(
    [0.0, -0.0, 65504.0, 65519.9, 65520.0, -1e6, 6e-8, 2.9e-8, 3.0e-8, 6.1e-5, 1e-40, 2.0**-25,
     2.0**-24, 1.5 * 2.0**-24, 1.0009765, 3.4e38, 1 / 3, -2049.0, 2051.0],
    np.float32,
)  # fmt: skip


def test_float16_rounding_of_awkward_values_equals_numpy(isa):
    image = np.tile(SPECIAL, 3)[None, None]  # long enough for whole vectors and leftovers
    spec = MaskSpec(0, image.shape[1:], 1, 1.0, 1)  # nothing masked: x * 1 + 0 * 0
    out = masked_product(image, spec, 0, 1, dtype="float16", backend="native")
    with np.errstate(over="ignore"):
        expected = image[None].astype(np.float16)
    np.testing.assert_array_equal(out, expected)


def test_bfloat16_rounds_to_nearest_even(isa):
    pairs = {1.0: 0x3F80, 1.00390625: 0x3F80, 1.01171875: 0x3F82, 1.0078125: 0x3F81, 3.4e38: 0x7F80}
    image = np.array(list(pairs) * 9, np.float32)[None, None]
    spec = MaskSpec(0, image.shape[1:], 1, 1.0, 1)
    out = masked_product(image, spec, 0, 1, dtype="bfloat16", backend="native")
    assert out.ravel().tolist() == list(pairs.values()) * 9


def test_probability_0_shows_the_base_and_1_the_image(backend):
    image = np.random.default_rng(0).normal(size=(2, 20, 30)).astype(np.float32)
    hidden = masked_product(
        image, MaskSpec(0, (20, 30), 10, 0.0), 0, 3, base_value=(4.0, -5.0), backend=backend
    )
    assert (hidden[:, 0] == 4.0).all()
    assert (hidden[:, 1] == -5.0).all()
    shown = masked_product(image, MaskSpec(0, (20, 30), 10, 1.0), 0, 3, backend=backend)
    np.testing.assert_array_equal(shown, np.repeat(image[None], 3, axis=0))


@pytest.mark.parametrize("offset", range(0, 64, 4))
@pytest.mark.parametrize("count", [2, 24])
def test_any_alignment_of_the_output(isa, offset, count):
    image = np.random.default_rng(0).normal(size=(3, 121, 123)).astype(np.float32)
    spec = MaskSpec(3, (121, 123))
    expected = masked_product(image, spec, 0, count, backend="native")
    memory = np.full(expected.nbytes + 128, 0xAB, np.uint8)
    out = memory[offset : offset + expected.nbytes].view(np.float32).reshape(expected.shape)
    assert masked_product(image, spec, 0, count, out=out, backend="native") is out
    np.testing.assert_array_equal(out, expected)
    assert (memory[:offset] == 0xAB).all()
    assert (memory[offset + expected.nbytes :] == 0xAB).all()


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_same_bits_for_any_number_of_threads_and_any_batch(threads, isa, design):
    image = np.random.default_rng(0).normal(size=(3, 224, 224)).astype(np.float32)
    spec = MaskSpec(3, (224, 224), design=design)
    threads(1)
    one = masked_product(image, spec, 120, 16)
    threads(5)
    np.testing.assert_array_equal(one, masked_product(image, spec, 120, 16))
    np.testing.assert_array_equal(one[9:], masked_product(image, spec, 129, 7))


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_awkward_images(backend, design):
    spec = MaskSpec(3, (9, 8), design=design)
    plain = np.arange(9 * 8 * 3).reshape(3, 9, 8)
    expected = masked_product(plain.astype(np.float32), spec, 0, 2, backend=backend)
    for image in (
        plain.astype(np.uint8),
        plain.astype(np.float64),
        plain.astype(np.int16)[:, ::-1][:, ::-1],
        np.asfortranarray(plain.astype(np.float32)),
    ):
        np.testing.assert_array_equal(masked_product(image, spec, 0, 2, backend=backend), expected)
    assert masked_product(plain, spec, 0, 0, backend=backend).shape == (0, 3, 9, 8)
    assert masked_product(plain[:0], spec, 0, 2, backend=backend).shape == (2, 0, 9, 8)


def test_nan_stays_where_it_is(isa):
    image = np.zeros((1, 20, 20), np.float32)
    image[0, 3, 4] = np.nan
    out = masked_product(image, MaskSpec(0, (20, 20)), 0, 2, backend="native")
    assert np.isnan(out[:, 0, 3, 4]).all()
    assert np.isnan(out).sum() == 2


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"image": [[1.0]]}, TypeError, "`image` must be a numeric ndarray, got list"),
        ({"image": np.zeros((8, 8), np.float32)}, ValueError, r"`image` must be \(C, H, W\)"),
        ({"image": np.zeros((1, 8, 9))}, ValueError, r"`image` must be \(8, 8\) pixels"),
        ({"base_value": (1.0, 2.0)}, ValueError, "a number, 3 numbers, one per channel"),
        ({"base_value": float("inf")}, ValueError, "`base_value` must be finite"),
        ({"base_value": "grey"}, TypeError, "`base_value` must be a number"),
        ({"dtype": "int8"}, ValueError, "`dtype` must be one of"),
        ({"count": 2**24}, ValueError, "2\\^31 or more"),
        ({"count": -1}, ValueError, "`count` must be in"),
        ({"out": np.zeros((1, 3, 8, 8))}, TypeError, "`out` must be an ndarray of float32"),
        ({"out": np.zeros((2, 3, 8, 8), np.float32)}, ValueError, "`out` must have shape"),
        (
            {"out": np.zeros((1, 3, 8, 16), np.float32)[..., ::2]},
            ValueError,
            "`out` must be contiguous",
        ),
    ],
)
def test_refuses(kwargs, error, words):
    good = {"image": np.zeros((3, 8, 8), np.float32), "spec": MaskSpec(0, (8, 8))}
    with pytest.raises(error, match=words):
        masked_product(**{**good, **kwargs})


def test_reference_says_that_it_has_no_bfloat16():
    image = np.zeros((3, 8, 8), np.float32)
    with pytest.raises(RuntimeError, match="no bfloat16"):
        masked_product(image, MaskSpec(0, (8, 8)), dtype="bfloat16", backend="reference")
