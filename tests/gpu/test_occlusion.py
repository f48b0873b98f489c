"""Covered windows and the sums of their drops, of the CUDA ops."""

import numpy as np
import pytest

from fastxai import ops, reference
from fastxai.ops import cuda
from tests._compare import SUM64_RTOL, assert_close
from tests.gpu._cases import WINDOWS

every_case = pytest.mark.parametrize("case", WINDOWS.values(), ids=WINDOWS.keys())
every_dtype = pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
every_layout = pytest.mark.parametrize("channels_last", [False, True], ids=["nchw", "nhwc"])


def picture(channels, spec):
    image = np.random.default_rng(5).normal(size=(channels, *spec.size)).astype(np.float32)
    return image, np.linspace(2, 5, channels).astype(np.float32)


def rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """float32 as `dtype`: bfloat16 by its bits, to nearest even."""
    if dtype != "bfloat16":
        return array.astype(dtype)
    wide = array.view(np.uint32)
    return ((wide + 0x7FFF + (wide >> 16 & 1)) >> 16).astype(np.uint16)


@every_case
@every_dtype
@every_layout
@pytest.mark.parametrize("skew", [0, 1])
def test_covered_images_are_the_references(device, case, dtype, channels_last, skew):
    channels, spec, first, count = case
    image, base = picture(channels, spec)
    shape = (count, channels, *spec.size)
    out = device.empty(shape, dtype, channels_last=channels_last, skew=skew)
    inputs = device.put(image), device.put(base)
    cuda.occlusion_fill(*inputs, spec, first, out, stream=device.stream)
    expected = reference.occlusion_fill(image, base, first, count, spec.window, spec.strides)
    np.testing.assert_array_equal(device.get(out), rounded(expected, dtype))
    on_cpu = ops.occlusion_fill(image, spec, first, count, base_value=tuple(base.tolist()))
    np.testing.assert_array_equal(on_cpu, expected)


@every_case
@every_layout
def test_windows_show_a_picture(device, case, channels_last):
    channels, spec, first, count = case
    image, _ = picture(channels, spec)
    base = np.random.default_rng(6).normal(size=image.shape).astype(np.float32)
    out = device.empty((count, channels, *spec.size), "float32", channels_last=channels_last)
    inputs = device.put(image), device.put(base)
    stream = device.stream
    for now in (first, first + 2):
        if now == first:
            cuda.occlusion_fill(*inputs, spec, now, out, stream=stream)
        else:
            cuda.occlusion_patch(out, *inputs, spec, first, now, stream=stream)
        expected = reference.occlusion_fill(image, base, now, count, spec.window, spec.strides)
        np.testing.assert_array_equal(device.get(out), expected)


@every_case
@every_dtype
@every_layout
def test_a_patched_batch_is_the_filled_one(device, case, dtype, channels_last):
    channels, spec, first, count = case
    image, base = (device.put(array) for array in picture(channels, spec))
    shape = (count, channels, *spec.size)
    patched = device.empty(shape, dtype, channels_last=channels_last)
    filled = device.empty(shape, dtype, channels_last=channels_last)
    stream = device.stream
    cuda.occlusion_fill(image, base, spec, first, patched, stream=stream)
    cuda.occlusion_patch(patched, image, base, spec, first, first + 2, stream=stream)
    cuda.occlusion_fill(image, base, spec, first + 2, filled, stream=stream)
    np.testing.assert_array_equal(device.get(patched), device.get(filled))


@every_case
@pytest.mark.parametrize("targets", [0, 1, 3])
def test_summed_drops_have_the_cpus_bits(device, case, targets):
    spec = case[1]
    drops = np.random.default_rng(6).normal(size=(targets, spec.num_windows))
    maps = device.empty((targets, *spec.size), "float64")
    workspace = device.empty((cuda.occlusion_sum_workspace(targets, spec),), "float64")
    cuda.occlusion_sum(device.put(drops), spec, maps, workspace, stream=device.stream)
    on_cpu = ops.occlusion_sum(drops, spec, backend="native")
    formula = reference.occlusion_sum(drops, spec.size, spec.window, spec.strides)
    assert_close(on_cpu, formula, atol=SUM64_RTOL, scale=max(np.abs(drops).sum(), 1))
    np.testing.assert_array_equal(device.get(maps), on_cpu)
    device.get(workspace)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_drop_that_is_not_finite_stays_under_its_window(device, value):
    spec = ops.OcclusionSpec((7, 9), (3, 2), (2, 3))
    drops = np.random.default_rng(6).normal(size=(2, spec.num_windows))
    drops[0, 4] = value
    maps = device.empty((2, 7, 9), "float64")
    workspace = device.empty((cuda.occlusion_sum_workspace(2, spec),), "float64")
    cuda.occlusion_sum(device.put(drops), spec, maps, workspace, stream=device.stream)
    bad = ~np.isfinite(device.get(maps))
    expected = np.zeros((2, 7, 9), bool)
    expected[0, 2:5, 3:5] = True  # window 4 is the second of the second row
    np.testing.assert_array_equal(bad, expected)
    np.testing.assert_array_equal(device.get(maps), ops.occlusion_sum(drops, spec))
