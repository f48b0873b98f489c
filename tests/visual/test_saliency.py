"""Saliency maps as colours and pictures: hand-computed values, errors, awkward input."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastxai.visual.cv import normalize_saliency, saliency_to_image, saliency_to_rgba

RAMP = np.array([[0, 1], [2, 4]], np.float32)
# The colours that matplotlib publishes for viridis at 0, 1/4, 1/2 and 1, times 255, rounded down.
VIRIDIS = [[68, 1, 84], [58, 82, 139], [32, 144, 140], [253, 231, 36]]


class FakeTensor:
    """What the functions know of a Tensor: `asnumpy`."""

    def __init__(self, values):
        self.values = values

    def asnumpy(self):
        return self.values


def saliency_path():
    """Return the file of the module under test."""
    return sys.modules[normalize_saliency.__module__].__file__


def gray(values):
    """Return a colour map's answer without matplotlib: opaque grey."""
    return np.stack([values, values, values, np.ones_like(values)], axis=-1)


def test_normalize_stretches_to_zero_and_one():
    assert normalize_saliency(RAMP).tolist() == [[0, 0.25], [0.5, 1]]
    assert normalize_saliency(-RAMP).tolist() == [[1, 0.75], [0.5, 0]]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_normalize_keeps_the_dtype_and_widens_float16(dtype, expected):
    result = normalize_saliency(RAMP.astype(dtype))
    assert result.dtype == expected
    assert result.tolist() == [[0, 0.25], [0.5, 1]]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_normalize_leaves_a_map_with_a_non_finite_value_alone(odd):
    values = np.array([[0, odd], [2, 4]], np.float32)
    np.testing.assert_array_equal(normalize_saliency(values), values)


def test_normalize_leaves_a_constant_map_alone():
    assert normalize_saliency(np.full((2, 2), 3.0)).tolist() == [[3, 3], [3, 3]]


def test_normalize_never_writes_into_its_argument_nor_returns_its_memory():
    for values in (RAMP.copy(), np.zeros((2, 2), np.float32)):
        before = values.copy()
        result = normalize_saliency(values)
        result[...] = 7
        np.testing.assert_array_equal(values, before)


def test_normalize_survives_a_range_beyond_the_dtype():
    top = np.finfo(np.float32).max
    result = normalize_saliency(np.array([[-top, 0, top]], np.float32))
    assert result.tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((2, 3), (2, 3)),
        ((1, 1, 2, 3), (2, 3)),
        ((2, 3, 1), (2, 3)),
        ((2, 1, 3), (2, 3)),
        ((1, 3), (1, 3)),
        ((3, 1), (3, 1)),
        ((1, 1, 1, 3), (1, 3)),
        ((1, 1, 3, 1), (3, 1)),
        ((1, 1), (1, 1)),
        ((1, 1, 1, 1), (1, 1)),
    ],
)
def test_axes_of_length_one_are_dropped_but_not_a_map_s_own(shape, expected):
    assert normalize_saliency(np.ones(shape, np.float32)).shape == expected
    assert saliency_to_rgba(np.ones(shape, np.float32), cm=gray).shape == expected + (4,)


@pytest.mark.parametrize("shape", [(), (4,), (2, 2, 2), (2, 1, 2, 2)])
def test_a_shape_that_is_no_map_is_refused(shape):
    with pytest.raises(ValueError, match="must be of shape") as caught:
        normalize_saliency(np.zeros(shape, np.float32))
    assert str(caught.value) == (
        "normalize_saliency: `saliency` must be of shape (H, W) apart from axes of length 1, "
        f"got {shape}."
    )


def test_an_empty_map_is_refused():
    with pytest.raises(ValueError, match=r"`saliency` must not be empty, got shape \(0, 3\)\."):
        saliency_to_rgba(np.zeros((0, 3), np.float32))


@pytest.mark.parametrize("function", [normalize_saliency, saliency_to_rgba, saliency_to_image])
def test_wrong_kinds_and_dtypes_name_the_function_and_the_argument(function):
    name = function.__name__
    with pytest.raises(TypeError, match=f"^{name}: `saliency` must be a Tensor .* got list.$"):
        function([[1.0, 2.0]])
    with pytest.raises(ValueError, match=f"^{name}: `saliency` must be float16, .* got int32.$"):
        function(RAMP.astype(np.int32))


def test_a_tensor_is_taken_by_its_asnumpy():
    assert normalize_saliency(FakeTensor(RAMP)).tolist() == [[0, 0.25], [0.5, 1]]


def test_a_mindspore_tensor_is_taken():
    mindspore = pytest.importorskip("mindspore")
    result = normalize_saliency(mindspore.Tensor(RAMP[None, None]))
    assert result.tolist() == [[0, 0.25], [0.5, 1]]


def test_views_give_the_same_as_their_copies():
    wide = np.arange(24, dtype=np.float64).reshape(4, 6)
    view = wide[::-2, ::3]
    assert normalize_saliency(view).tolist() == [[12 / 15, 1], [0, 3 / 15]]


def test_rgba_is_viridis_with_opacity_one_point_two_times_the_saliency():
    rgba = saliency_to_rgba(RAMP)
    assert rgba.dtype == np.uint8
    # 255 · min(1, 1.2 · {0, 1/4, 1/2, 1}), rounded down.
    assert rgba.reshape(4, 4).tolist() == [
        [*color, alpha] for color, alpha in zip(VIRIDIS, [0, 76, 153, 255], strict=True)
    ]


def test_rgba_as_floats_stays_in_zero_to_one():
    rgba = saliency_to_rgba(RAMP.astype(np.float64), as_uint8=False)
    assert rgba.dtype == np.float64
    np.testing.assert_allclose(rgba[..., 3].ravel(), [0, 0.3, 0.6, 1], rtol=1e-15)
    np.testing.assert_allclose(rgba[0, 0, :3], [0.267004, 0.004874, 0.329415], atol=1e-6)


def test_rgba_without_normalisation_cuts_to_the_end_colours():
    rgba = saliency_to_rgba(np.array([[-3.0, 3.0]]), normalize=False)
    assert rgba.tolist() == [[[68, 1, 84, 0], [253, 231, 36, 255]]]


def test_alpha_factor_scales_the_opacity():
    rgba = saliency_to_rgba(RAMP, alpha_factor=0.5)
    assert rgba[..., 3].ravel().tolist() == [0, 31, 63, 127]
    assert saliency_to_rgba(RAMP, alpha_factor=-1.0)[..., 3].max() == 0


def test_a_nan_pixel_is_transparent_and_the_others_are_cut():
    values = np.array([[0, np.nan, 0.5, np.inf]], np.float32)
    assert saliency_to_rgba(values, cm=gray).tolist() == [
        [[0, 0, 0, 0], [0, 0, 0, 0], [127, 127, 127, 153], [255, 255, 255, 255]]
    ]
    assert saliency_to_rgba(values, as_uint8=False)[0, 1, 3] == 0


def test_a_colour_map_of_three_channels_gets_an_opacity():
    rgba = saliency_to_rgba(RAMP, cm=lambda s: np.stack([s, s * 0, 1 - s], axis=-1))
    assert rgba.reshape(4, 4).tolist() == [
        [0, 0, 255, 0],
        [63, 0, 191, 76],
        [127, 0, 127, 153],
        [255, 0, 0, 255],
    ]


def test_a_colour_map_s_own_array_is_not_written_to():
    colors = np.full((2, 2, 4), 0.5)
    saliency_to_rgba(RAMP, cm=lambda s: colors)
    assert (colors == 0.5).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"cm": "viridis"}, ValueError, r"`cm` must be callable or None, got 'viridis' \(str\)"),
        ({"cm": lambda s: s}, ValueError, r"`cm` must return colours of shape \(2, 2, 4\), got"),
        ({"alpha_factor": 1}, TypeError, r"`alpha_factor` must be a float, got 1 \(int\)"),
        ({"alpha_factor": None}, TypeError, r"`alpha_factor` must be a float, got None"),
        ({"as_uint8": 1}, TypeError, r"`as_uint8` must be a bool, got 1 \(int\)"),
        ({"normalize": "no"}, TypeError, r"`normalize` must be a bool, got 'no' \(str\)"),
    ],
)
def test_rgba_refuses_wrong_arguments(arguments, kind, message):
    with pytest.raises(kind, match="^saliency_to_rgba: " + message):
        saliency_to_rgba(RAMP, **arguments)


def test_image_alone_is_rgb_of_width_by_height_with_the_opacity_dropped():
    picture = saliency_to_image(np.array([[0.0, 0.25, 1.0]]))
    assert (picture.mode, picture.size) == ("RGB", (3, 1))
    assert [picture.getpixel((x, 0)) for x in range(3)] == [
        (68, 1, 84),
        (58, 82, 139),
        (253, 231, 36),
    ]


def test_image_with_alpha_keeps_the_opacity():
    picture = saliency_to_image(RAMP, with_alpha=True)
    assert picture.mode == "RGBA"
    assert np.asarray(picture)[..., 3].ravel().tolist() == [0, 76, 153, 255]


def test_over_an_original_the_unsalient_shows_it_and_the_most_salient_hides_it():
    original = Image.new("RGB", (5, 7), (200, 100, 0))
    picture = saliency_to_image(RAMP, original)
    pixels = np.asarray(picture).reshape(4, 3).astype(int)
    assert (picture.mode, picture.size) == ("RGB", (2, 2))
    assert pixels[0].tolist() == [200, 100, 0]
    assert pixels[3].tolist() == VIRIDIS[3]
    for i, alpha in ((1, 76 / 255), (2, 153 / 255)):
        expected = alpha * np.array(VIRIDIS[i]) + (1 - alpha) * np.array([200, 100, 0])
        np.testing.assert_allclose(pixels[i], expected, atol=1)  # Pillow rounds per channel
    assert np.asarray(original)[0, 0].tolist() == [200, 100, 0]


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA", "RGBA", "YCbCr"])
def test_originals_of_any_mode_are_painted_over(mode):
    original = Image.new("L", (8, 8), 255).convert(mode)
    pixels = np.asarray(saliency_to_image(np.zeros((3, 4)), original, with_alpha=True))
    assert pixels.shape == (3, 4, 4)
    assert (pixels >= 254).all()


def test_a_transparent_original_shows_through_with_alpha():
    original = Image.new("RGBA", (2, 2), (200, 100, 0, 0))
    picture = saliency_to_image(np.array([[0.0, 1.0]]), original, with_alpha=True)
    assert [picture.getpixel((x, 0))[3] for x in range(2)] == [0, 255]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"original": RAMP}, "`original` must be a PIL.Image.Image or None, got array"),
        ({"with_alpha": 0}, r"`with_alpha` must be a bool, got 0 \(int\)"),
        ({"normalize": 1}, r"`normalize` must be a bool, got 1 \(int\)"),
    ],
)
def test_image_refuses_wrong_arguments(arguments, message):
    with pytest.raises(TypeError, match="^saliency_to_image: " + message):
        saliency_to_image(RAMP, **arguments)


def test_the_module_itself_loads_no_plotting_pictures_or_mindspore():
    code = (
        "import sys, types, importlib.util, pathlib\n"
        f"path = {saliency_path()!r}\n"
        "spec = importlib.util.spec_from_file_location('saliency', path)\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "import numpy\n"
        "assert module.normalize_saliency(numpy.eye(2)).max() == 1\n"
        "loaded = {'matplotlib', 'PIL', 'mindspore'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_importing_the_package_and_its_pictures_loads_no_plotting():
    code = (
        "import sys, fastxai, fastxai.visual.cv, fastxai.visual.cv.display\n"
        "assert 'matplotlib' not in sys.modules\n"
    )
    root = Path(saliency_path()).parents[3]
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=300
    )
    assert result.returncode == 0, result.stderr
