"""What a masked pixel shows: numbers, pictures and words."""

import math

import numpy as np
import pytest

from fastxai.ops import (
    MaskSpec,
    OcclusionSpec,
    masked_product,
    occlusion_fill,
    occlusion_patch,
    pixel_fill,
)
from fastxai.ops.base_value import base_of, blurred, noise_like
from tests._compare import PRODUCT_RTOL, assert_close

RNG = np.random.default_rng(8)
IMAGE = RNG.normal(size=(3, 21, 17)).astype(np.float32)
PICTURE = RNG.normal(size=IMAGE.shape).astype(np.float32)
SPEC = MaskSpec(5, (21, 17), (4, 3), 0.5, (3, 4), "iid")
WINDOWS = OcclusionSpec((21, 17), (5, 4), (3, 2))


def test_a_masked_pixel_shows_the_pixel_of_the_picture(backend):
    ones, zeros = np.ones_like(IMAGE), np.zeros_like(IMAGE)
    masks = masked_product(ones, SPEC, 3, 6, base_value=zeros, backend=backend).astype(np.float64)
    got = masked_product(IMAGE, SPEC, 3, 6, base_value=PICTURE, backend=backend)
    assert_close(got, IMAGE * masks + PICTURE * (1 - masks), atol=PRODUCT_RTOL, scale=5.0)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_flat_picture_has_the_bits_of_its_levels(backend, dtype):
    levels = np.array([0.3, -1.0, 2.0], np.float32)
    flat = np.broadcast_to(levels[:, None, None], IMAGE.shape)
    got = masked_product(IMAGE, SPEC, 0, 5, base_value=flat, backend=backend, dtype=dtype)
    expected = masked_product(
        IMAGE, SPEC, 0, 5, base_value=tuple(levels.tolist()), backend=backend, dtype=dtype
    )
    np.testing.assert_array_equal(got, expected)


def test_a_large_batch_past_the_caches_has_the_bits_of_a_small_one(backend):
    image = RNG.normal(size=(3, 64, 67)).astype(np.float32)
    spec = MaskSpec(5, (64, 67))
    large = masked_product(image, spec, 0, 90, base_value=image[::-1], backend=backend)
    small = masked_product(image, spec, 88, 1, base_value=image[::-1], backend=backend)
    np.testing.assert_array_equal(large[88:89], small)


def test_windows_show_the_picture(backend):
    got = occlusion_fill(IMAGE, WINDOWS, 8, 1, base_value=PICTURE, backend=backend)[0]
    expected = IMAGE.copy()
    row, col = divmod(8, 7)  # 7 windows a row
    inside = np.s_[:, 3 * row : 3 * row + 5, 2 * col : 2 * col + 4]
    expected[inside] = PICTURE[inside]
    np.testing.assert_array_equal(got, expected)


def test_a_patched_batch_is_the_filled_one(backend):
    batch = occlusion_fill(IMAGE, WINDOWS, 0, 4, base_value=PICTURE, backend=backend)
    occlusion_patch(batch, IMAGE, WINDOWS, 0, 9, base_value=PICTURE, backend=backend)
    np.testing.assert_array_equal(
        batch, occlusion_fill(IMAGE, WINDOWS, 9, 4, base_value=PICTURE, backend=backend)
    )


def test_covered_ranks_show_the_picture(backend):
    ranks = np.arange(21 * 17, dtype=np.int32).reshape(21, 17)
    got = pixel_fill(IMAGE, ranks, np.array([[20, 60]]), base_value=PICTURE, backend=backend)[0]
    chosen = (ranks >= 20) & (ranks < 60)
    np.testing.assert_array_equal(got, np.where(chosen, PICTURE, IMAGE))


def test_the_picture_may_lie_in_the_memory_that_is_written():
    out = np.empty((2, *IMAGE.shape), np.float32)
    out[1] = PICTURE
    got = masked_product(IMAGE, SPEC, 0, 2, base_value=out[1], out=out)
    np.testing.assert_array_equal(got, masked_product(IMAGE, SPEC, 0, 2, base_value=PICTURE))


def test_the_blur_is_a_gaussian_of_that_radius():
    point = np.zeros((1, 41, 41), np.float32)
    point[0, 20, 20] = 1.0
    got = blurred(point, 2.0)[0]
    assert math.isclose(got.sum(), 1.0, rel_tol=1e-5)
    assert math.isclose(got[20, 22] / got[20, 20], math.exp(-0.5), rel_tol=1e-5)
    assert math.isclose(got[23, 22] / got[20, 20], math.exp(-(9 + 4) / 8), rel_tol=1e-5)


def test_the_blur_leaves_a_flat_picture_and_is_mirrored_at_edges():
    np.testing.assert_allclose(blurred(np.full((2, 5, 9), 3.0, np.float32), 30.0), 3.0, rtol=1e-6)
    both = blurred(np.concatenate([IMAGE[:, ::-1], IMAGE], axis=1), 2.0)[:, 21:]
    np.testing.assert_allclose(both[:, :14], blurred(IMAGE, 2.0)[:, :14], atol=1e-6)


def test_the_default_radius_is_a_twentieth_of_the_longer_side():
    np.testing.assert_array_equal(
        base_of("RISE", "blur", IMAGE.shape).of(IMAGE), blurred(IMAGE, 21 / 20)
    )


def test_the_mean_is_that_of_each_channel():
    got = base_of("RISE", "mean", IMAGE.shape).of(IMAGE)
    np.testing.assert_allclose(got, IMAGE.astype(np.float64).mean(axis=(1, 2)), rtol=1e-6)


def test_noise_lies_between_the_extremes_and_depends_on_the_seed_alone():
    one, same, other = (noise_like(IMAGE, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).mean() > 0.99
    for noise, channel in zip(one, IMAGE, strict=True):
        assert channel.min() <= noise.min() < noise.max() <= channel.max()


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("grey", ValueError, "must be 'blur', 'blur:RADIUS', 'mean', 'noise', numbers or a"),
        ("mean:3", ValueError, "'blur:RADIUS'"),
        ("blur:0", ValueError, r"a radius in \(0, 1000\] pixels"),
        ("blur:wide", ValueError, r"a radius in \(0, 1000\] pixels"),
        (np.zeros((3, 21, 16)), ValueError, r"of shape \(3, 21, 17\), got shape \(3, 21, 16\)"),
        (np.zeros((21, 17)), ValueError, "got shape"),
        (np.full(IMAGE.shape, np.nan), ValueError, "must be finite, got nan"),
        (np.zeros(IMAGE.shape, bool), TypeError, "got an array of bool"),
        (np.full(IMAGE.shape, 1e300), ValueError, "must fit float32, got 1e"),
        (None, TypeError, "a number, one per channel or a picture"),
    ],
)
def test_other_bases_are_refused(value, kind, words):
    with pytest.raises(kind, match=f"RISE: `base_value` .*{words}"):
        base_of("RISE", value, IMAGE.shape)
