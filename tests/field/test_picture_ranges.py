"""Pictures and colours of other types than 8 bits: the range is that of the type, or an error."""

import io

import matplotlib
import mindspore as ms
import numpy as np
import pytest
from PIL import Image

from fastxai.visual.cv import (
    normalize_saliency,
    saliency_to_image,
    saliency_to_rgba,
    uncertainty_to_image,
)
from fastxai.visual.cv.display import show_images
from fastxai.visual.cv.sheet import side_by_side

DEEP = (np.arange(64).reshape(8, 8) * 1040).astype(np.uint16)  # 0 to 65520
UNIT = np.linspace(0, 1, 64).reshape(8, 8)
NOTHING = np.zeros((8, 8), np.float32)  # a saliency that lets the original through
RAMP = np.array([[0, 0.25, 0.5, 1]])


def over(original, **options):
    """What the original alone looks like, (8, 8, 3) of 0 to 255."""
    return np.asarray(saliency_to_image(NOTHING, original, normalize=False, **options)).astype(int)


def in_file(picture, kind):
    """A picture as it is read from a file."""
    file = io.BytesIO()
    picture.save(file, kind)
    return Image.open(io.BytesIO(file.getvalue()))


SIXTEEN = {
    "I;16": lambda: Image.fromarray(DEEP),
    "I;16B, an array of big-endian integers": lambda: Image.fromarray(DEEP.astype(">u2")),
    "I;16L": lambda: Image.frombytes("I;16L", (8, 8), DEEP.tobytes()),
    "PNG": lambda: in_file(Image.fromarray(DEEP), "PNG"),
    "TIFF": lambda: in_file(Image.fromarray(DEEP), "TIFF"),
}


@pytest.mark.parametrize("make", SIXTEEN.values(), ids=SIXTEEN)
def test_of_16_bits_65535_is_white(make):
    expected = np.repeat(DEEP[..., None] / 257, 3, axis=2)
    assert np.abs(over(make()) - expected).max() <= 0.5
    panel = np.asarray(side_by_side([("", make())]))[24:].astype(int)
    assert np.abs(panel - expected).max() <= 0.5
    white = Image.fromarray(np.full((8, 8), 65535, np.uint16))
    assert (over(white) == 255).all()


def test_a_png_that_opens_with_32_bit_integers_has_16():
    picture = Image.fromarray(DEEP.astype(np.int32))
    picture.format = "PNG"  # as Pillow before 11.3 opens one of 16-bit grey
    assert np.abs(over(picture)[..., 0] - DEEP / 257).max() <= 0.5


def test_a_transparent_value_of_16_bits_stays_transparent():
    picture = Image.fromarray(DEEP)
    picture.info["transparency"] = 2080
    opacity = over(picture, with_alpha=True)[..., 3]
    np.testing.assert_array_equal(opacity, np.where(DEEP == 2080, 0, 255))


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4"])
def test_of_floats_one_is_white(dtype):
    picture = Image.fromarray(UNIT.astype(dtype))
    assert picture.mode == "F"
    assert np.abs(over(picture) - 255 * UNIT[..., None]).max() <= 0.51
    panel = np.asarray(side_by_side([("", picture)]))[24:].astype(int)
    assert np.abs(panel - 255 * UNIT[..., None]).max() <= 0.51
    error_bar = uncertainty_to_image(NOTHING, NOTHING, picture)
    np.testing.assert_array_equal(np.asarray(error_bar), over(picture))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (UNIT * 255, "mode 'F' must have floats in .* got 0.0 to 255.0"),
        (UNIT - 0.1, "mode 'F' must have floats in .* got -0.1"),
        (np.where(UNIT > 0.5, np.nan, UNIT), "mode 'F' must have floats in .* got nan to nan"),
        (UNIT + np.inf, "mode 'F' must have floats in .* got inf to inf"),
        (DEEP.astype(np.int32), "mode 'I' has 32-bit integers"),
        (DEEP.astype(np.int32) // 256, "mode 'I' has 32-bit integers"),
        (DEEP.astype(np.int16), "mode 'I' has 32-bit integers"),
    ],
)
def test_what_does_not_say_what_white_is_is_refused(values, words):
    picture = Image.fromarray(values.astype(np.float32) if values.dtype == float else values)
    with pytest.raises(ValueError, match=f"^saliency_to_image: `original` of {words}"):
        over(picture)
    with pytest.raises(ValueError, match=f"^side_by_side: `panels` of {words}"):
        side_by_side([("", picture)])


GREY = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)


@pytest.mark.parametrize("mode", ["L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK"])
def test_eight_bits_stay_what_they_are(mode):
    picture = Image.fromarray(GREY)
    if mode in ("La", "RGBa"):
        picture = picture.convert(mode.upper())
    np.testing.assert_array_equal(over(picture.convert(mode)), np.repeat(GREY[..., None], 3, 2))


def test_bits_and_palettes_are_colours():
    bits = Image.fromarray(GREY > 100)
    assert bits.mode == "1"
    np.testing.assert_array_equal(over(bits)[..., 1], np.where(GREY > 100, 255, 0))
    palette = Image.fromarray((GREY // 64).astype(np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 200, 100, 0, 7, 8, 9, 250, 251, 252])
    palette.info["transparency"] = bytes([255, 0, 128, 255])
    seen = over(palette, with_alpha=True)
    colors = np.array([[10, 20, 30], [200, 100, 0], [7, 8, 9], [250, 251, 252]])[GREY // 64]
    opaque = GREY // 64 != 1
    np.testing.assert_array_equal(seen[opaque][:, :3], colors[opaque])
    np.testing.assert_array_equal(seen[..., 3], np.array([255, 0, 128, 255])[GREY // 64])


def test_a_mode_that_pillow_takes_for_another_is_refused():
    with pytest.raises(ValueError, match="`original` of mode 'LAB' .* 'RGB' with ImageCms"):
        over(Image.new("LAB", (8, 8)))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.fromarray(GREY), GREY),
        (Image.fromarray(DEEP), np.rint(DEEP / 257)),
        (Image.fromarray(UNIT.astype(np.float32)), np.rint(UNIT * 255)),
        (Image.fromarray(GREY > 100), np.where(GREY > 100, 255, 0)),
    ],
)
def test_grey_pictures_are_shown_grey_and_not_in_the_colours_of_a_map(
    monkeypatch, picture, expected
):
    shown = []
    monkeypatch.setattr("matplotlib.axes.Axes.imshow", lambda axes, array: shown.append(array))
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    show_images([[picture, Image.fromarray(np.zeros((8, 8, 3), np.uint8))]])
    np.testing.assert_array_equal(shown[0][..., :3], np.repeat(expected[..., None], 3, 2))
    assert shown[0].dtype == np.uint8
    assert shown[1].shape == (8, 8, 3)


# ---- colour maps ----------------------------------------------------------------------------


def reds(values):
    """A colour map of floats; all its colours are multiples of 1/255 in RAMP."""
    return np.stack([np.round(values * 255) / 255, 0 * values, 1 - 0 * values], axis=-1)


IN_BYTES = np.array([[[0, 0, 255], [64, 0, 255], [128, 0, 255], [255, 0, 255]]])
MAPS = {
    "floats": reds,
    "float16": lambda s: reds(s).astype(np.float16),
    "uint8": lambda s: np.round(reds(s) * 255).astype(np.uint8),
    "uint16": lambda s: np.round(reds(s) * 65535).astype(np.uint16),
    "big-endian uint16": lambda s: np.round(reds(s) * 65535).astype(">u2"),
    "uint8 with opacity": lambda s: np.dstack([np.round(reds(s) * 255), s * 0]).astype(np.uint8),
}


@pytest.mark.parametrize("cm", MAPS.values(), ids=MAPS)
def test_colours_have_the_range_of_their_dtype(cm):
    rgba = saliency_to_rgba(RAMP, cm)
    assert rgba.dtype == np.uint8
    assert np.abs(rgba[..., :3].astype(int) - IN_BYTES).max() <= (cm is MAPS["float16"])
    assert rgba[0, :, 3].tolist() == [0, 76, 153, 255]
    floats = saliency_to_rgba(RAMP, cm, as_uint8=False)
    np.testing.assert_allclose(floats[..., :3], IN_BYTES / 255, atol=1e-3)
    np.testing.assert_allclose(floats[0, :, 3], [0, 0.3, 0.6, 1], atol=1e-7)
    assert floats.dtype.kind == "f"
    picture = np.asarray(saliency_to_image(RAMP, cm=cm)).astype(int)
    assert np.abs(picture - IN_BYTES).max() <= (cm is MAPS["float16"])


def test_every_byte_of_a_colour_map_is_kept():
    values = np.linspace(0, 1, 256)[None]
    ramp = saliency_to_rgba(values, lambda s: np.stack([np.round(s * 255)] * 3, -1).astype("u1"))
    np.testing.assert_array_equal(ramp[0, :, 0], np.arange(256))


def test_matplotlib_s_colour_maps_show_their_colours():
    viridis = matplotlib.colormaps["viridis"]
    expected = saliency_to_rgba(RAMP, viridis)
    found = saliency_to_rgba(RAMP, lambda s: viridis(s, bytes=True))
    assert np.abs(found.astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(saliency_to_rgba(RAMP.astype(">f4"), viridis), expected)


def test_true_and_false_are_full_and_no_colour():
    rgba = saliency_to_rgba(RAMP, lambda s: np.stack([s > 0.3, s > 2, s < 2], axis=-1))
    assert rgba[0, :, :3].tolist() == [[0, 0, 255], [0, 0, 255], [255, 0, 255], [255, 0, 255]]


@pytest.mark.parametrize(
    ("cm", "words"),
    [
        (
            lambda s: (reds(np.nan_to_num(s)) * 255).astype(int),
            "floats in .*, uint8 or uint16, got int64",
        ),
        (lambda s: reds(s).astype(complex), "floats in .*, uint8 or uint16, got complex128"),
        (
            lambda s: reds(np.nan_to_num(s)).astype(np.uint32),
            "floats in .*, uint8 or uint16, got uint32",
        ),
        (lambda s: reds(s) * 255, r"got float64 from 0.0 to 255.0"),
        (lambda s: (reds(s) * 255).astype(np.float32), r"got float32 from 0.0 to 255.0"),
        (lambda s: reds(s) * 2 - 1, r"got float64 from -1.0 to 1.0"),
    ],
)
def test_colours_of_an_unknown_range_are_refused(cm, words):
    for values in (RAMP, np.array([[0, 0.5, np.nan]])):
        with pytest.raises(ValueError, match=f"^saliency_to_image: `cm` must return .*{words}"):
            saliency_to_image(values, cm=cm, normalize=False)


def test_colours_that_leave_the_range_with_the_map_are_cut():
    values = np.array([[-1.0, 0.5, 300.0]])
    grey = saliency_to_rgba(values, lambda s: np.stack([s, s, s], -1), normalize=False)
    assert grey[0, :, 0].tolist() == [0, 127, 255]
    barely = saliency_to_rgba(RAMP, lambda s: np.stack([s, s, s], -1) * (1 + 1e-6))
    assert barely[0, :, 0].tolist() == [0, 63, 127, 255]


# ---- saliency -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [ms.float16, ms.bfloat16, ms.float32, ms.float64])
def test_tensors_of_floats_are_maps(dtype):
    found = normalize_saliency(ms.Tensor(np.array([[1.0, 2.0, 5.0]]), ms.float32).astype(dtype))
    assert found.tolist() == [[0, 0.25, 1]]
    assert found.dtype == (np.float64 if dtype == ms.float64 else np.float32)


@pytest.mark.parametrize("dtype", [">f2", ">f4", ">f8"])
def test_big_endian_maps_become_native(dtype):
    found = normalize_saliency(np.array([[1.0, 2.0, 5.0]]).astype(dtype))
    assert found.tolist() == [[0, 0.25, 1]]
    assert found.dtype.isnative
    assert normalize_saliency(np.zeros((2, 2), dtype)).dtype.isnative


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "bool", "longdouble", "complex64"])
def test_maps_of_other_kinds_are_refused(dtype):
    with pytest.raises(ValueError, match="must be float16, bfloat16, float32 or float64"):
        saliency_to_image(RAMP.astype(dtype))


def test_masked_values_are_refused_and_a_mask_of_none_is_not():
    values = np.ma.masked_array(RAMP, RAMP > 0.9)
    with pytest.raises(ValueError, match=r"`saliency` must have no masked values; .*filled\(0\)"):
        saliency_to_image(values)
    plain = np.ma.masked_array(RAMP, False)
    np.testing.assert_array_equal(saliency_to_rgba(plain), saliency_to_rgba(RAMP))
    assert type(normalize_saliency(plain)) is np.ndarray
