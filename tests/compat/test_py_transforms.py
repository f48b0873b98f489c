"""Every name of MindSpore 1.8's `py_transforms`, at once and in `map`, against NumPy and Pillow."""

import colorsys
import random

import mindspore
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from fastxai import compat
from tests.compat._pictures import FILE, PICTURE, PIXELS, mapped, same

compat.restore_mindspore()
pytestmark = pytest.mark.skipif(
    mindspore.__version__.startswith("2.7."), reason="MindSpore 2.7 has the modules itself"
)

import mindspore.dataset.transforms.py_transforms as py_transforms  # noqa: E402
import mindspore.dataset.vision.c_transforms as c_vision  # noqa: E402
import mindspore.dataset.vision.py_transforms as py_vision  # noqa: E402

CHW = PIXELS.transpose(2, 0, 1)
UNIT = (CHW / 255).astype(np.float32)
NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR
GREY3 = Image.merge("RGB", [PICTURE.convert("L")] * 3)
ROUND = Image.fromarray(np.minimum(np.round(255.999 * (PIXELS / 255) ** 2), 255).astype(np.uint8))
ENLARGED = ImageOps.expand(PICTURE, 2, (7, 7, 7))
FLIPPED = PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
TURNED = PICTURE.rotate(90)
PICTURES = {  # arguments, what comes of the picture, and how far it may be off
    "AdjustGamma": ((2.0,), ROUND),
    "AutoContrast": ((10.0, [10, 20]), ImageOps.autocontrast(PICTURE, 10.0, [10, 20])),
    "CenterCrop": ((4,), PICTURE.crop((2, 2, 6, 6))),
    "Equalize": ((), ImageOps.equalize(PICTURE)),
    "Grayscale": ((3,), GREY3),
    "Invert": ((), ImageOps.invert(PICTURE)),
    "Pad": ((2, (7, 7, 7)), ENLARGED),
    "RandomAffine": (((0, 0),), PICTURE),
    "RandomColor": (((0.5, 0.5),), ImageEnhance.Color(PICTURE).enhance(0.5)),
    "RandomColorAdjust": (((0.5, 0.5),), ImageEnhance.Brightness(PICTURE).enhance(0.5), 3),
    "RandomCrop": ((12, 2, False, (7, 7, 7)), ENLARGED),
    "RandomGrayscale": ((1.0,), GREY3),
    "RandomHorizontalFlip": ((1.0,), FLIPPED),
    "RandomLighting": ((0.0,), PICTURE),
    "RandomPerspective": ((0.5, 0.0), PICTURE),
    "RandomResizedCrop": ((5, (1, 1), (1, 1)), PICTURE.resize((5, 5), BILINEAR)),
    "RandomRotation": (((90, 90),), TURNED),
    "RandomSharpness": (((0.5, 0.5),), ImageEnhance.Sharpness(PICTURE).enhance(0.5)),
    "RandomVerticalFlip": ((1.0,), ImageOps.flip(PICTURE)),
    "Resize": (((5, 6),), PICTURE.resize((6, 5), BILINEAR)),
    "ToPIL": ((), PICTURE),
    "UniformAugment": (([ImageOps.invert] * 2, 1), None),  # one or none of them
}
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
NORMAL = ((UNIT - np.float32(MEAN)[:, None, None]) / np.float32(STD)[:, None, None]).astype("f4")
NEW = np.zeros((1, 8, 8), np.float32)


def to_hsv(pixels):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels.reshape(-1, 3)]).reshape(
        pixels.shape
    )


HWC = UNIT.transpose(1, 2, 0)
HSV = to_hsv(HWC.astype(np.float64))
MATRIX, CENTRE = np.eye(12)[::-1] * 2, np.ones(12)
SMALL = UNIT[:, :2, :2].astype(np.float64)
LINEAR = ((SMALL.reshape(12) - CENTRE) @ MATRIX).reshape(3, 2, 2)
ARRAYS = {  # arguments, what it is run on and what comes out
    "HWC2CHW": ((), PIXELS, CHW),
    "HsvToRgb": ((True,), HSV, HWC.astype(np.float64)),
    "LinearTransformation": ((MATRIX, CENTRE), SMALL, LINEAR),
    "Normalize": ((MEAN, STD), UNIT, NORMAL),
    "NormalizePad": ((MEAN, STD), UNIT, np.concatenate([NORMAL, NEW])),
    "RandomErasing": ((0.0,), UNIT, UNIT),
    "RgbToBgr": ((), UNIT, UNIT[::-1]),
    "RgbToHsv": ((True,), HWC, HSV),
    "ToTensor": ((), PIXELS, UNIT),
    "ToType": ((np.float64,), UNIT, UNIT.astype(np.float64)),
}
OTHERS = {"Border", "Cutout", "Decode", "FiveCrop", "Inter", "MixUp", "TenCrop", "not_random"}
TRANSFORMS = ("Compose", "OneHotOp", "RandomApply", "RandomChoice", "RandomOrder")


def as_arrays(result):
    return tuple(map(np.asarray, result)) if isinstance(result, tuple) else np.asarray(result)


@pytest.mark.parametrize("name", sorted({*PICTURES, *ARRAYS, *OTHERS}))
def test_every_name_of_vision_is_there(name):
    assert getattr(py_vision, name).__name__ == name


@pytest.mark.parametrize("name", [*TRANSFORMS, "PyTensorOperation", "TensorOperation"])
def test_every_name_of_transforms_is_there(name):
    assert getattr(py_transforms, name).__name__ == name


@pytest.mark.parametrize("name", PICTURES)
def test_an_operation_on_pictures_gives_a_picture(name):
    arguments, expected, *tolerance = PICTURES[name]
    operation = getattr(py_vision, name)(*arguments)
    result = operation(PICTURE)
    assert isinstance(result, Image.Image)
    (row,) = mapped([py_vision.ToPIL(), operation, as_arrays], PIXELS)
    for array in (np.asarray(result), row):
        if expected is not None:
            same(array, np.asarray(expected), *tolerance)
        else:
            assert array.tolist() in (PIXELS.tolist(), (255 - PIXELS).tolist())


@pytest.mark.parametrize("name", sorted({*PICTURES} - {"ToPIL", "UniformAugment"}))
def test_an_operation_on_pictures_refuses_arrays(name):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        getattr(py_vision, name)(*PICTURES[name][0])(PIXELS)


@pytest.mark.parametrize("name", ARRAYS)
def test_an_operation_on_arrays(name):
    arguments, array, expected = ARRAYS[name]
    operation = getattr(py_vision, name)(*arguments)
    same(operation(array), expected, 1e-6)
    same(mapped(operation, array)[0], expected, 1e-6)


@pytest.mark.parametrize("data", [FILE, FILE.tobytes()], ids=["array", "bytes"])
def test_decode_gives_a_picture(data):
    result = py_vision.Decode()(data)
    assert isinstance(result, Image.Image)
    same(np.asarray(result), PIXELS)
    same(mapped([py_vision.Decode(), py_vision.ToTensor()], FILE)[0], UNIT, 1e-6)


def test_crops_of_a_picture_are_several():
    corners = [(0, 0, 4, 4), (4, 0, 8, 4), (0, 4, 4, 8), (4, 4, 8, 8), (2, 2, 6, 6)]
    five = [np.asarray(PICTURE.crop(corner)) for corner in corners]
    ten = five + [np.asarray(FLIPPED.crop(corner)) for corner in corners]
    for operation, expected in (py_vision.FiveCrop(4), five), (py_vision.TenCrop(4), ten):
        results = operation(PICTURE)
        rows = mapped(
            [py_vision.ToPIL(), operation, lambda *crops: as_arrays(crops)],
            PIXELS,
            outputs=len(expected),
        )
        for result, row, right in zip(results, rows, expected, strict=True):
            same(np.asarray(result), right)
            same(row, right)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_stay_or_are_asked_for(dtype):
    image = UNIT.astype(dtype)
    assert py_vision.Normalize(MEAN, STD)(image).dtype == dtype
    assert py_vision.NormalizePad([0.5], [0.5], "float16")(image).dtype == np.float16
    same(py_vision.ToTensor(dtype)(PICTURE), (CHW / 255).astype(dtype))
    same(py_vision.ToType(output_type=dtype)(UNIT), image)


def test_values_of_another_range_are_refused():
    for name in ("Normalize", "NormalizePad"):
        with pytest.raises(ValueError, match="0"):
            getattr(py_vision, name)([123.7, 116.3, 103.5], [58.4, 57.1, 57.4])
        with pytest.raises(ValueError, match="std"):
            getattr(py_vision, name)([0.5], [0.5, 0.5])
        with pytest.raises(TypeError, match="mean"):
            getattr(py_vision, name)(0.5, [0.5])
        with pytest.raises(NotImplementedError):
            getattr(py_vision, name)([0.5], [0.5])(CHW)


def test_cutout_sets_squares_to_zero():
    image = np.ones((3, 8, 8), np.float32)
    result = py_vision.Cutout(4, num_patches=2)(image)
    assert image.all()
    assert 0 < (result == 0).sum() <= 2 * 3 * 16
    assert (result == result[:1]).all()
    with pytest.raises(ValueError, match="9"):
        py_vision.Cutout(9)(image)
    with pytest.raises(TypeError):
        py_vision.Cutout(2)(PICTURE)


def test_mix_up_of_equal_pictures():
    batch = np.full((4, 3, 2, 2), 5.0)
    labels = np.full((4, 2), 0.5)
    mixed, classes = py_vision.MixUp(4, 0.3)(batch, labels)
    np.testing.assert_allclose(mixed, batch)
    np.testing.assert_allclose(classes, labels)


def test_grey_pictures_and_old_arguments():
    grey = PICTURE.convert("L")
    same(np.asarray(py_vision.Pad(1, fill_value=9)(grey)), np.asarray(ImageOps.expand(grey, 1, 9)))
    same(np.asarray(py_vision.RandomAffine((0, 0), fill_value=9)(grey)), np.asarray(grey))
    same(np.asarray(py_vision.Grayscale()(PICTURE)), np.asarray(grey))
    same(py_vision.ToTensor()(grey), np.asarray(grey)[None].astype(np.float32) / np.float32(255))
    nearest = py_vision.Resize(4, interpolation=py_vision.Inter.NEAREST)(PICTURE)
    same(np.asarray(nearest), np.asarray(PICTURE.resize((4, 4), NEAREST)))
    best = py_vision.Resize(4, py_vision.Inter.ANTIALIAS)(PICTURE)
    same(np.asarray(best), np.asarray(PICTURE.resize((4, 4), Image.Resampling.LANCZOS)))


def test_a_rotation_by_a_number_is_of_either_sign():
    random.seed(7)
    angle = random.uniform(-360, 360)
    random.seed(7)
    result = py_vision.RandomRotation(360)(PICTURE)
    same(np.asarray(result), np.asarray(PICTURE.rotate(angle % 360)))


def test_one_hot_with_smoothing():
    labels = np.array([1, 0, 3])
    rows = np.eye(5)[labels]
    for operation, expected in (
        (py_transforms.OneHotOp(5), rows),
        (py_transforms.OneHotOp(num_classes=5, smoothing_rate=0.1), rows * 0.9 + 0.02),
    ):
        same(operation(labels), expected)
        same(mapped(operation, labels)[0], expected)
        same(operation(np.array(3)), expected[2])
    with pytest.raises(ValueError, match="smaller"):
        py_transforms.OneHotOp(2)(labels)


def steps():
    return [py_vision.ToPIL(), py_vision.Resize((5, 6)), py_vision.ToTensor()]


def test_a_compose_gives_a_tuple_as_it_did():
    resized = np.asarray(PICTURE.resize((6, 5), BILINEAR)).transpose(2, 0, 1) / np.float32(255)
    compose = py_transforms.Compose(steps())
    nested = py_transforms.Compose([lambda image: image, py_transforms.Compose(steps())])
    for operation in (compose, nested):
        for image in (PIXELS, PICTURE):
            (result,) = operation(image)
            same(result, resized, 1e-6)
        same(mapped(operation, PIXELS)[0], resized, 1e-6)
    (result,) = py_transforms.Compose(steps()[:2])(PIXELS)
    assert isinstance(result, Image.Image)
    swap = py_transforms.Compose([lambda one, other: (other, one)])
    assert [array.shape for array in swap(PIXELS, UNIT)] == [(3, 8, 8), (8, 8, 3)]
    assert [array.shape for array in mapped(swap, PIXELS, UNIT)] == [(3, 8, 8), (8, 8, 3)]


def test_compiled_operations_in_a_compose_take_pictures():
    compose = py_transforms.Compose(
        [py_vision.Decode(), c_vision.Invert(), py_vision.ToTensor(), py_vision.HWC2CHW()]
    )
    expected = ((255 - CHW) / 255).astype(np.float32).transpose(2, 0, 1)
    same(compose(FILE)[0], expected, 1e-6)
    same(mapped(compose, FILE)[0], expected, 1e-6)


@pytest.mark.parametrize("wrong", [[], [3], [py_vision.ToTensor], ()])
def test_a_compose_of_no_operations_is_refused(wrong):
    with pytest.raises((TypeError, ValueError)):
        py_transforms.Compose(wrong)


def test_random_choices_of_python_operations():
    invert = py_vision.Invert()
    flipped = np.asarray(ImageOps.flip(PICTURE))
    for operation, expected in (
        (py_transforms.RandomApply([invert], 1.0), 255 - PIXELS),
        (py_transforms.RandomApply([invert], prob=0.0), PIXELS),
        (py_transforms.RandomApply([invert, lambda picture: picture], 1.0), 255 - PIXELS),
        (py_transforms.RandomChoice([invert]), 255 - PIXELS),
        (py_transforms.RandomOrder([invert, py_vision.RandomVerticalFlip(1.0)]), 255 - flipped),
    ):
        result = operation(PICTURE)
        assert isinstance(result, Image.Image)
        same(np.asarray(result), expected)
        same(mapped([py_vision.ToPIL(), operation, as_arrays], PIXELS)[0], expected)


def test_a_function_marked_not_random():
    assert py_transforms.not_random(abs_of := lambda image: abs(image)) is abs_of
    assert abs_of.random is False
