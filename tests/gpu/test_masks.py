"""Coarse masks, enlarged masks and masked images of the CUDA ops."""

import numpy as np
import pytest

from fastxai import ops, reference
from fastxai.ops import MaskSpec, cuda
from tests._compare import MASK_ATOL, PRODUCT_RTOL, assert_close
from tests.gpu._cases import MASKS

every_case = pytest.mark.parametrize("case", MASKS.values(), ids=MASKS.keys())


def picture(case) -> tuple[np.ndarray, np.ndarray]:
    """Image (C, H, W) and base (C,), the same for every device."""
    image = np.random.default_rng(3).normal(size=case.shape).astype(np.float32)
    return image, np.linspace(-1.5, 2, case.channels).astype(np.float32)


def multiply(device, image, base, spec, first, out, grid) -> None:
    """The op, with a workspace of its own."""
    shape = cuda.as_device_array("test", "out", out).shape
    workspace = device.empty((cuda.masked_product_workspace(shape, grid),), "float64")
    cuda.masked_product(image, base, spec, first, out, workspace, stream=device.stream)
    device.get(workspace)  # nothing is written around it


def bits(array: np.ndarray) -> np.ndarray:
    """Floats as integers, so that -0 is not 0."""
    return array.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[array.itemsize])


@every_case
def test_coarse_masks_are_the_references(device, case):
    count = min(case.count, 200)
    cells = device.empty((count, *case.spec.grid), "uint8")
    shifts = device.empty((count, 2), "int32")
    cuda.mask_grid(case.spec, case.first, cells, shifts, stream=device.stream)
    expected = ops.mask_grid(case.spec, case.first, count, backend="reference")
    np.testing.assert_array_equal(device.get(cells), expected[0])
    np.testing.assert_array_equal(device.get(shifts), expected[1])


@every_case
@pytest.mark.parametrize("skew", [0, 1])
def test_enlarged_masks_have_the_cpus_bits(device, case, skew):
    count = min(case.count, 40)
    coarse = ops.mask_grid(case.spec, case.first, count)
    masks = device.empty((count, 1, *case.spec.size), "float32", skew=skew)
    cells, shifts = (device.put(array) for array in coarse)
    cuda.mask_upsample(cells, shifts, case.spec.up_size, masks, stream=device.stream)
    on_cpu = ops.mask_upsample(*coarse, case.spec.size, case.spec.up_size, backend="native")
    formula = reference.mask_upsample(*coarse, case.spec.size, case.spec.up_size)
    assert_close(on_cpu, formula, atol=MASK_ATOL)
    np.testing.assert_array_equal(bits(device.get(masks)), bits(on_cpu))


def on_gpu(device, case, dtype, **layout) -> np.ndarray:
    """The masked images as the device makes them."""
    out = device.empty((case.count, *case.shape), dtype, **layout)
    image, base = (device.put(array) for array in picture(case))
    multiply(device, image, base, case.spec, case.first, out, case.spec.grid)
    return device.get(out)


def on_cpu(case, dtype) -> np.ndarray:
    """The same by the CPU's native op."""
    image, base = picture(case)
    levels = tuple(base.tolist())
    return ops.masked_product(
        image, case.spec, case.first, case.count, base_value=levels, dtype=dtype, backend="native"
    )


@every_case
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("channels_last", [False, True], ids=["nchw", "nhwc"])
def test_over_a_picture_they_have_the_cpus_bits(device, case, dtype, channels_last):
    image, _ = picture(case)
    base = np.random.default_rng(4).normal(size=image.shape).astype(np.float32)
    count = min(case.count, 12)
    out = device.empty((count, *case.shape), dtype, channels_last=channels_last)
    inputs = device.put(image), device.put(base)
    multiply(device, *inputs, case.spec, case.first, out, case.spec.grid)
    expected = ops.masked_product(
        image, case.spec, case.first, count, base_value=base, dtype=dtype, backend="native"
    )
    np.testing.assert_array_equal(bits(device.get(out)), bits(expected))


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("channels_last", [False, True], ids=["nchw", "nhwc"])
def test_masked_images_have_the_cpus_bits(device, case, dtype, channels_last):
    got = on_gpu(device, case, dtype, channels_last=channels_last)
    np.testing.assert_array_equal(bits(got), bits(on_cpu(case, dtype)))


@every_case
def test_the_cpus_masked_images_are_within_four_eps_of_the_formula(case):
    image, base = picture(case)
    some = min(case.count, 5)
    coarse = ops.mask_grid(case.spec, case.first, some, backend="reference")
    masks = reference.mask_upsample(*coarse, case.spec.size, case.spec.up_size)
    expected = reference.masked_product(image.astype(np.float64), masks, base)
    scale = max(np.abs(image).max(initial=0), 2)
    assert_close(on_cpu(case, "float32")[:some], expected, atol=PRODUCT_RTOL, scale=scale)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("channels_last", [False, True], ids=["nchw", "nhwc"])
@pytest.mark.parametrize("name", ["usual-oa128", "usual-placed", "prime"])
def test_an_unaligned_batch_is_written_all_the_same(device, name, dtype, channels_last):
    case = MASKS[name]
    got = on_gpu(device, case, dtype, channels_last=channels_last, skew=1)
    np.testing.assert_array_equal(bits(got), bits(on_cpu(case, dtype)))


def test_parameters_in_device_memory_mean_the_same(device):
    case = MASKS["usual-oa128"]
    params = device.put(case.spec.params(case.first, case.count))
    out = device.empty((case.count, *case.shape), "float32")
    image, base = (device.put(array) for array in picture(case))
    multiply(device, image, base, params, 0, out, case.spec.grid)
    np.testing.assert_array_equal(bits(device.get(out)), bits(on_cpu(case, "float32")))
    cells = device.empty((case.count, *case.spec.grid), "uint8")
    shifts = device.empty((case.count, 2), "int32")
    cuda.mask_grid(params, 0, cells, shifts, stream=device.stream)
    expected = ops.mask_grid(case.spec, case.first, case.count, backend="reference")
    np.testing.assert_array_equal(device.get(cells), expected[0])


@pytest.mark.parametrize("position", range(9))
def test_bad_parameters_in_device_memory_show(device, position):
    case = MASKS["prime"]
    numbers = case.spec.params(case.first, case.count)
    if position == 0:
        numbers[8], numbers[5] = 1, 5  # blocks with another probability than 1/2
    else:
        numbers[position] = -1
    params = device.put(numbers)
    out = device.empty((case.count, *case.shape), "float32")
    image, base = (device.put(array) for array in picture(case))
    multiply(device, image, base, params, 0, out, case.spec.grid)
    assert np.isnan(device.get(out)).all()
    cells = device.empty((case.count, *case.spec.grid), "uint8")
    shifts = device.empty((case.count, 2), "int32")
    cuda.mask_grid(params, 0, cells, shifts, stream=device.stream)
    assert (device.get(cells) == 255).all()
    assert (device.get(shifts) == -1).all()


def test_a_nan_pixel_stays_nan_everywhere_it_is_seen(device):
    spec = MaskSpec(1, (8, 8), (3, 3), 0.5, (2, 2))
    image = np.ones((1, 8, 8), np.float32)
    image[0, 3, 4] = np.nan
    for dtype in ("float32", "float16", "bfloat16"):
        out = device.empty((4, 1, 8, 8), dtype)
        inputs = device.put(image), device.put(np.zeros(1, np.float32))
        multiply(device, *inputs, spec, 0, out, spec.grid)
        got = device.get(out)
        if dtype == "bfloat16":
            got = (got.astype(np.uint32) << 16).view(np.float32)
        nan = np.isnan(got)
        assert nan[:, 0, 3, 4].all()
        assert nan.sum() == 4


@pytest.mark.parametrize("channels_last", [False, True], ids=["nchw", "nhwc"])
@pytest.mark.parametrize("base", [0.0, -0.0, 0.25])
def test_pixels_that_underflow_have_the_zeros_of_the_formula(device, base, channels_last):
    spec = MaskSpec(1, (8, 8), (3, 3), 0.5, (2, 2))
    image = np.full((3, 8, 8), -1.4e-45, np.float32)
    image[1], image[2] = 1e-42, -0.0
    out = device.empty((4, 3, 8, 8), "float32", channels_last=channels_last)
    inputs = device.put(image), device.put(np.full(3, base, np.float32))
    multiply(device, *inputs, spec, 0, out, spec.grid)
    masks = ops.mask_upsample(*ops.mask_grid(spec, 0, 4), spec.size, spec.up_size)
    expected = image * masks + np.float32(base) * (1 - masks)
    assert (np.signbit(image * masks) & (image * masks == 0)).any()
    np.testing.assert_array_equal(bits(device.get(out)), bits(expected))
