"""The Ascend kernel, on the emulator, covers windows as the CPU op does."""

import numpy as np
import pytest

from fastxai.ops import OcclusionSpec, occlusion_fill
from tests.ascend._ops import occlusion_inputs
from tests.ops.test_occlusion import SPECS

OP = "FastxaiOcclusionFill"
# Beside those of the CPU: several tiles of rows and of columns, windows across their borders.
MORE = [
    OcclusionSpec((300, 2100), (37, 700), (29, 333)),
    OcclusionSpec((224, 224), (7, 7), (7, 7)),
    OcclusionSpec((5, 9), (5, 9), (1, 1)),
]


def inputs_of(spec, channels=3):
    image = np.random.default_rng(0).normal(size=(channels, *spec.size)).astype(np.float32)
    return image, np.linspace(-1, 2, channels).astype(np.float32)


@pytest.mark.parametrize("spec", [*SPECS, *MORE], ids=str)
def test_equals_the_cpu_op_to_the_bit(library, spec):
    image, base = inputs_of(spec)
    count = min(spec.num_windows + 2, 19 if spec.size[1] < 300 else 7)
    for first in (-1, spec.num_windows + 1 - count):
        (out,) = library.call(OP, occlusion_inputs(image, base, spec, first, count))
        expected = occlusion_fill(image, spec, first, count, base_value=tuple(base.tolist()))
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("spec", [*SPECS, *MORE], ids=str)
def test_windows_show_a_picture(library, spec):
    image, _ = inputs_of(spec)
    base = np.random.default_rng(1).normal(size=image.shape).astype(np.float32)
    (out,) = library.call(OP, occlusion_inputs(image, base, spec, -1, 7))
    np.testing.assert_array_equal(out, occlusion_fill(image, spec, -1, 7, base_value=base))


@pytest.mark.parametrize("cores", [1, 3, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_same_bits_on_any_number_of_cores_in_any_order(library, cores, seed):
    spec = SPECS[1]
    image, base = inputs_of(spec)
    (out,) = library.call(OP, occlusion_inputs(image, base, spec, 0, 11), cores=cores, seed=seed)
    expected = occlusion_fill(image, spec, 0, 11, base_value=tuple(base.tolist()))
    np.testing.assert_array_equal(out, expected)


def test_bits_of_nan_survive(library):
    spec = SPECS[0]
    image = np.full((1, *spec.size), np.nan, np.float32)
    image.view(np.uint32)[...] |= np.arange(image.size, dtype=np.uint32).reshape(image.shape)
    (out,) = library.call(OP, occlusion_inputs(image, np.zeros(1, np.float32), spec, -1, 1))
    np.testing.assert_array_equal(out[0].view(np.uint32), image.view(np.uint32))


def test_windows_far_outside_cover_nothing(library):
    spec = SPECS[0]
    image, base = inputs_of(spec)
    for first in (-(2**40), 2**40, spec.num_windows):
        (out,) = library.call(OP, occlusion_inputs(image, base, spec, first, 1))
        np.testing.assert_array_equal(out[0], image)


@pytest.mark.parametrize(
    "change", [{0: (9, 7)}, {1: (4,)}, {2: (2, 2)}, {3: (6,)}, {2: (0,)}, {0: (0, 9, 7), 1: (0,)}]
)
def test_op_host_refuses_shapes_that_do_not_fit(library, change):
    image, base = inputs_of(SPECS[0])
    shapes = [array.shape for array in occlusion_inputs(image, base, SPECS[0], 0, 2)]
    assert library.tile(OP, shapes, 40) is not None
    for index, shape in change.items():
        shapes[index] = shape
    assert library.tile(OP, shapes, 40) is None
