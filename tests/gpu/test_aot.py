"""MindSpore's entry points of the CUDA library, called as MindSpore calls them."""

import ctypes

import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, cuda
from fastxai.ops.cuda.arrays import DeviceArray
from fastxai.ops.cuda.library import library

SPEC = MaskSpec(3, (12, 20), (4, 5), 0.5, (3, 2))
WINDOWS = OcclusionSpec((12, 20), (4, 5), (3, 4))
OK, COUNT, DTYPE, SHAPE = 0, 101, 102, 103


def described(array) -> DeviceArray:
    """Pointer, shape and dtype, whatever the device."""
    return cuda.as_device_array("aot", "tensor", array)


def call(device, name: str, *tensors) -> int:
    """Int F(int nparam, void** params, int* ndims, int64_t** shapes, const char** dtypes, ...)."""
    arrays = [described(tensor) for tensor in tensors]
    number = len(arrays)
    shapes = [(ctypes.c_int64 * len(a.shape))(*a.shape) for a in arrays]
    params = (ctypes.c_void_p * number)(*(a.pointer for a in arrays))
    ndims = (ctypes.c_int * number)(*(len(a.shape) for a in arrays))
    rows = (ctypes.POINTER(ctypes.c_int64) * number)(
        *(ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)) for shape in shapes)
    )
    dtypes = (ctypes.c_char_p * number)(*(a.dtype.encode() for a in arrays))
    stream = getattr(device.stream, "cuda_stream", device.stream)
    function = getattr(library().handle, f"fastxai_{name}")
    arguments = (number, params, ndims, rows, dtypes, ctypes.c_void_p(stream), None)
    return int(function(*arguments))


def room(device, grid=SPEC.grid):
    """The workspace of five masked copies."""
    return device.empty((cuda.masked_product_workspace((5, 3, 12, 20), grid),), "float64")


def picture(device):
    image = np.random.default_rng(1).normal(size=(3, 12, 20)).astype(np.float32)
    base = np.array([0.5, -1, 2], np.float32)
    return image, base, device.put(image), device.put(base)


def test_masks(device):
    cells, shifts = device.empty((6, 4, 5), "uint8"), device.empty((6, 2), "int32")
    assert call(device, "mask_grid", device.put(SPEC.params(9, 6)), cells, shifts) == OK
    expected = ops.mask_grid(SPEC, 9, 6)
    np.testing.assert_array_equal(device.get(cells), expected[0])
    np.testing.assert_array_equal(device.get(shifts), expected[1])
    masks = device.empty((6, 1, 12, 20), "float32")
    up_size = device.put(np.array(SPEC.up_size))
    assert call(device, "mask_upsample", cells, shifts, up_size, masks) == OK
    enlarged = ops.mask_upsample(*expected, SPEC.size, SPEC.up_size)
    np.testing.assert_array_equal(device.get(masks), enlarged)
    too_small = device.put(np.array([11, 20]))
    assert call(device, "mask_upsample", cells, shifts, too_small, masks) == OK
    assert np.isnan(device.get(masks)).all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_masked_and_covered_images(device, dtype):
    image, base, image_there, base_there = picture(device)
    levels = tuple(base.tolist())
    out = device.empty((5, 3, 12, 20), dtype)
    params = device.put(SPEC.params(9, 5))
    space = room(device)
    assert call(device, "masked_product", image_there, base_there, params, out, space) == OK
    expected = ops.masked_product(image, SPEC, 9, 5, base_value=levels, dtype=dtype)
    np.testing.assert_array_equal(device.get(out), expected)
    params = device.put(WINDOWS.params(2, 5))
    assert call(device, "occlusion_fill", image_there, base_there, params, out) == OK
    if dtype == "float32":
        covered = ops.occlusion_fill(image, WINDOWS, 2, 5, base_value=levels)
        np.testing.assert_array_equal(device.get(out), covered)


def test_a_workspace_for_coarser_masks_gives_nan(device):
    _, _, image, base = picture(device)
    out, params = device.empty((5, 3, 12, 20), "float32"), device.put(SPEC.params(9, 5))
    assert call(device, "masked_product", image, base, params, out, room(device, (3, 5))) == OK
    assert np.isnan(device.get(out)).all()


def test_sums_are_the_inputs_plus_the_batch(device):
    scores = np.random.default_rng(2).normal(size=(9, 4)).astype(np.float32)
    before = SaliencySums.zeros(SPEC, 2)
    ops.saliency_accumulate(scores[:, :2], SPEC, 50, before)
    sums, moments = device.empty(before.sums.shape, "float64"), device.empty((3, 2), "float64")
    bad = device.empty((1,), "int64")
    status = call(
        device, "saliency_accumulate",
        device.put(scores), device.put(np.array([3, 0])), device.put(SPEC.params(7, 9)),
        device.put(before.sums), device.put(before.moments), sums, moments, bad,
    )  # fmt: skip
    assert status == OK
    assert device.get(bad)[0] == -1
    ops.saliency_accumulate(scores[:, [3, 0]], SPEC, 7, before)
    np.testing.assert_array_equal(device.get(sums), before.sums)
    np.testing.assert_array_equal(device.get(moments), before.moments)
    maps, workspace = device.empty((3, 12, 20), "float64"), device.empty((3, 3, 4, 20), "float64")
    assert call(device, "saliency_expand", sums, maps, workspace) == OK
    np.testing.assert_array_equal(device.get(maps), ops.saliency_expand(before.sums, (12, 20)))


def test_summed_drops(device):
    drops = np.random.default_rng(3).normal(size=(2, WINDOWS.num_windows))
    maps = device.empty((2, 12, 20), "float64")
    workspace = device.empty((2, 2 * WINDOWS.num_windows + 2), "float64")
    inputs = device.put(drops), device.put(WINDOWS.params(0, 0))
    assert call(device, "occlusion_sum", *inputs, maps, workspace) == OK
    np.testing.assert_array_equal(device.get(maps), ops.occlusion_sum(drops, WINDOWS))
    other = device.put(OcclusionSpec((12, 20), (4, 5), (1, 1)).params(0, 0))
    assert call(device, "occlusion_sum", inputs[0], other, maps, workspace) == OK
    assert np.isnan(device.get(maps)).all()


def test_what_does_not_fit_is_refused_before_anything_is_written(device, capfd):
    _, _, image, base = picture(device)
    params = device.put(SPEC.params(0, 2))
    out = device.empty((2, 3, 12, 20), "float32")
    before = device.get(out)
    wrong = device.empty((2, 3, 12, 21), "float32")
    space = room(device)
    assert call(device, "masked_product", image, base, params, out) == COUNT
    assert call(device, "masked_product", base, image, params, out, space) == DTYPE
    assert call(device, "masked_product", image, base, params, out, base) == DTYPE
    assert call(device, "masked_product", image, base, params, wrong, space) == SHAPE
    nothing = device.empty((2,), "float64")
    assert call(device, "masked_product", image, base, params, out, nothing) == SHAPE
    assert call(device, "occlusion_fill", image, base, params, out) == SHAPE
    assert "fastxai_masked_product: a tensor has the wrong shape" in capfd.readouterr().err
    np.testing.assert_array_equal(device.get(out).view(np.uint32), before.view(np.uint32))
