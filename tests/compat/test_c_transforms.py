"""Every name of MindSpore 1.8's `c_transforms`, at once and in `map`, against NumPy and Pillow."""

import mindspore
import numpy as np
import pytest
from mindspore import dataset
from PIL import Image, ImageOps

from fastxai import compat
from tests.compat._pictures import BOXES, FILE, FLAT, PICTURE, PIXELS, TALL, mapped, same

compat.restore_mindspore()
pytestmark = pytest.mark.skipif(
    mindspore.__version__.startswith("2.7."), reason="MindSpore 2.7 has the modules itself"
)

import mindspore.dataset.transforms.c_transforms as c_transforms  # noqa: E402
import mindspore.dataset.vision.c_transforms as c_vision  # noqa: E402

FLOAT = PIXELS.astype(np.float32)
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
NORMAL = ((FLOAT - np.float32(MEAN)) / np.float32(STD)).astype(np.float32)
CONTRAST = np.asarray(ImageOps.autocontrast(PICTURE))
DARK = np.arange(0, 128, 2, dtype=np.uint8).reshape(8, 8, 1).repeat(3, 2)  # 64 levels
EQUAL = (DARK // 2 * (255 / 63)).astype(np.uint8)
MIRRORED, UPSIDE_DOWN, TURNED = PIXELS[:, ::-1], PIXELS[::-1], np.rot90(PIXELS)
Inter, Border = c_vision.Inter, c_vision.Border
TO_BGR = c_vision.ConvertMode.COLOR_RGB2BGR
VISION = {  # arguments, what it is run on, what comes out, and how far it may be off
    "AdjustGamma": ((2.0,), PIXELS, (255 * (FLOAT / 255) ** 2).astype(np.uint8), 1),
    "AutoContrast": ((), PIXELS, CONTRAST, 1),
    "CenterCrop": ((4,), PIXELS, PIXELS[2:6, 2:6]),
    "ConvertColor": ((TO_BGR,), PIXELS, PIXELS[..., ::-1]),
    "Crop": (((2, 3), (4, 5)), PIXELS, PIXELS[2:6, 3:8]),
    "CutOut": ((8,), FLAT[:1, :1].repeat(8, 0).repeat(8, 1) * 0, np.zeros((8, 8, 3), np.uint8)),
    "Equalize": ((), DARK, EQUAL, 1),
    "GaussianBlur": ((3,), FLAT, FLAT),
    "HWC2CHW": ((), PIXELS, PIXELS.transpose(2, 0, 1)),
    "HorizontalFlip": ((), PIXELS, MIRRORED),
    "Invert": ((), PIXELS, 255 - PIXELS),
    "Normalize": ((MEAN, STD), PIXELS, NORMAL, 1e-5),
    "Pad": ((2, 7), PIXELS, np.pad(PIXELS, ((2, 2), (2, 2), (0, 0)), constant_values=7)),
    "RandomAdjustSharpness": ((1.0, 1.0), PIXELS, PIXELS),
    "RandomAffine": (((0, 0),), PIXELS, PIXELS),
    "RandomAutoContrast": ((0.0, None, 1.0), PIXELS, CONTRAST, 1),
    "RandomColor": (((1.0, 1.0),), PIXELS, PIXELS),
    "RandomColorAdjust": (((0.5, 0.5),), PIXELS, (FLOAT / 2).astype(np.uint8), 1),
    "RandomCrop": (((8, 8),), PIXELS, PIXELS),
    "RandomEqualize": ((1.0,), DARK, EQUAL, 1),
    "RandomHorizontalFlip": ((1.0,), PIXELS, MIRRORED),
    "RandomInvert": ((1.0,), PIXELS, 255 - PIXELS),
    "RandomLighting": ((0.0,), PIXELS, PIXELS),
    "RandomPosterize": (((4, 4),), PIXELS, PIXELS & 0xF0),
    "RandomResize": ((9,), FLAT, FLAT[::2, ::2]),
    "RandomResizedCrop": ((5,), FLAT, FLAT[:5, :5]),
    "RandomRotation": (((90, 90),), PIXELS, TURNED),
    "RandomSharpness": (((1.0, 1.0),), PIXELS, PIXELS),
    "RandomSolarize": (((100, 100),), PIXELS, np.where(PIXELS < 100, PIXELS, 255 - PIXELS)),
    "RandomVerticalFlip": ((1.0,), PIXELS, UPSIDE_DOWN),
    "Rescale": ((1 / 255, 0.5), PIXELS, FLOAT / 255 + np.float32(0.5), 1e-6),
    "Resize": ((9,), FLAT, FLAT[::2, ::2]),
    "RgbToBgr": ((), PIXELS, PIXELS[..., ::-1]),
    "Rotate": ((90,), PIXELS, TURNED),
    "VerticalFlip": ((), PIXELS, UPSIDE_DOWN),
    "RandomSelectSubpolicy": (([[(c_vision.Invert(), 1.0)]],), PIXELS, 255 - PIXELS),
}
# Two columns, the second of which is boxes or labels.
ONE_HOT = np.eye(4, dtype=np.float32)
BATCH = np.full((4, 3, 6, 6), 9, np.uint8)
NCHW = c_vision.ImageBatchFormat.NCHW
LOWER = np.array([[2, 3, 3, 4, 0, 0, 0]], np.float32)  # y: 8 - 1 - 4
PAIRS = {
    "BoundingBoxAugment": ((c_vision.RandomVerticalFlip(0.0), 1.0), (PIXELS, BOXES), None),
    "CutMixBatch": ((NCHW, 1.0, 0.0), (BATCH, ONE_HOT), None),
    "MixUpBatch": ((1.0,), (BATCH, np.repeat(ONE_HOT[:1], 4, 0)), None),
    "RandomCropWithBBox": (((8, 8),), (PIXELS, BOXES), None),
    "RandomHorizontalFlipWithBBox": (
        (1.0,),
        (PIXELS, BOXES),
        (MIRRORED, np.array([[3, 1, 3, 4, 0, 0, 0]], np.float32)),  # x: 8 - 2 - 3
    ),
    "RandomResizeWithBBox": ((8,), (np.full((8, 8, 3), 9, np.uint8), BOXES), None),
    "RandomResizedCropWithBBox": (((8, 8), (1, 1), (1, 1)), (PIXELS, BOXES), None),
    "RandomVerticalFlipWithBBox": ((1.0,), (PIXELS, BOXES), (UPSIDE_DOWN, LOWER)),
    "ResizeWithBBox": ((8,), (PIXELS, BOXES), None),
}
OTHER_VISION = {  # have tests of their own
    *("AutoAugment", "Decode", "NormalizePad", "RandomCropDecodeResize", "SlicePatches"),
    "UniformAugment",
    *("SoftDvppDecodeRandomCropResizeJpeg", "SoftDvppDecodeResizeJpeg"),
}
NUMBERS = np.array([1, 2, 3], np.int32)
TRANSFORMS = {
    "Concatenate": ((0, NUMBERS, NUMBERS), NUMBERS, np.tile(NUMBERS, 3)),
    "Fill": ((7,), NUMBERS, np.full(3, 7, np.int32)),
    "Mask": ((c_transforms.Relational.GE, 2), NUMBERS, np.array([False, True, True])),
    "OneHot": ((4,), NUMBERS, np.eye(4, dtype=np.int32)[NUMBERS]),
    "PadEnd": (([5], 9), NUMBERS, np.array([1, 2, 3, 9, 9], np.int32)),
    "Slice": (([0, 2],), NUMBERS, NUMBERS[[0, 2]]),
    "TypeCast": ((mindspore.float16,), NUMBERS, NUMBERS.astype(np.float16)),
}
OTHER_TRANSFORMS = {
    *("Compose", "Duplicate", "Plugin", "RandomApply", "RandomChoice", "Relational", "Unique"),
}
HELPERS = {"AutoAugmentPolicy", "Border", "ConvertMode", "ImageBatchFormat", "Inter", "SliceMode"}


@pytest.mark.parametrize("name", sorted({*VISION, *PAIRS, *OTHER_VISION, *HELPERS}))
def test_every_name_of_vision_is_there(name):
    assert getattr(c_vision, name).__name__ == name


@pytest.mark.parametrize("name", sorted({*TRANSFORMS, *OTHER_TRANSFORMS}))
def test_every_name_of_transforms_is_there(name):
    assert getattr(c_transforms, name).__name__ == name


@pytest.mark.parametrize("name", VISION)
def test_an_operation_on_pictures_gives_an_array(name):
    arguments, image, *expected = VISION[name]
    operation = getattr(c_vision, name)(*arguments)
    same(operation(image), *expected)
    same(operation(Image.fromarray(image)), *expected)
    same(mapped(operation, image)[0], *expected)


@pytest.mark.parametrize("name", PAIRS)
def test_an_operation_on_two_columns(name):
    arguments, columns, expected = PAIRS[name]
    given = [column.copy() for column in columns]
    for results in (
        getattr(c_vision, name)(*arguments)(*given),
        mapped(getattr(c_vision, name)(*arguments), *given),
    ):
        for result, right in zip(results, expected or columns, strict=True):
            same(result, right, 1e-6)
    for now, before in zip(given, columns, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_an_operation_on_numbers(name):
    arguments, numbers, expected = TRANSFORMS[name]
    operation = getattr(c_transforms, name)(*arguments)
    same(operation(numbers), expected)
    same(mapped(operation, numbers)[0], expected)


@pytest.mark.parametrize("wrapped", [False, True])
def test_decode_by_its_old_argument(wrapped):
    for operation in (c_vision.Decode(), c_vision.Decode(True), c_vision.Decode(rgb=True)):
        operations = c_transforms.Compose([operation]) if wrapped else operation
        same(operations(FILE), PIXELS)
        same(mapped(operations, FILE)[0], PIXELS)
    same(c_vision.Decode()(FILE.tobytes()), PIXELS)
    with pytest.raises(RuntimeError):
        c_vision.Decode(rgb=False)(FILE)


def test_random_crop_of_a_file():
    operation = c_vision.RandomCropDecodeResize((8, 8), (1.0, 1.0), (1.0, 1.0))
    same(operation(FILE), PIXELS)
    same(mapped(operation, FILE)[0], PIXELS)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_fourth_channel_has_the_dtype_asked_for(dtype):
    operation = c_vision.NormalizePad([10.0, 100.0, 200.0], STD, dtype)
    same(operation(Image.fromarray(FLAT)), np.zeros((24, 18, 4), dtype))
    same(mapped(operation, FLAT)[0], np.zeros((24, 18, 4), dtype))


def test_patches_and_duplicates_are_several_columns():
    quarters = [PIXELS[:4, :4], PIXELS[:4, 4:], PIXELS[4:, :4], PIXELS[4:, 4:]]
    for results in (
        c_vision.SlicePatches(2, 2)(PICTURE),
        mapped(c_vision.SlicePatches(2, 2), PIXELS, outputs=4),
    ):
        for result, expected in zip(results, quarters, strict=True):
            same(result, expected)
    for results in (
        c_transforms.Duplicate()(NUMBERS),
        mapped(c_transforms.Duplicate(), NUMBERS, outputs=2),
    ):
        for result in results:
            same(result, NUMBERS)
    for results in (
        c_transforms.Unique()(np.array([[7, 5, 7]], np.int32)),
        mapped(c_transforms.Unique(), np.array([[7, 5, 7]], np.int32), outputs=3),
    ):
        assert [result.tolist() for result in results] == [[7, 5], [0, 1, 0], [2, 1]]


@pytest.mark.parametrize("image", [PIXELS, PICTURE], ids=["array", "picture"])
def test_random_choices_of_compiled_operations(image):
    invert, both = c_vision.Invert(), (PIXELS, 255 - PIXELS)
    same(c_transforms.RandomApply([invert], 1.0)(image), both[1])
    same(c_transforms.RandomApply([invert], prob=0.0)(image), both[0])
    same(c_transforms.RandomChoice([invert])(image), both[1])
    result = c_vision.UniformAugment([invert, c_vision.Invert()], num_ops=1)(image)
    assert any(np.array_equal(result, one) for one in both)
    assert c_vision.AutoAugment()(image).shape == (8, 8, 3)
    for operation in (
        c_transforms.RandomApply([invert], 1.0),
        c_transforms.RandomChoice([invert, invert]),
    ):
        same(mapped(operation, PIXELS)[0], both[1])


def preparation():
    return [
        c_vision.Resize(12),
        c_vision.CenterCrop(10),
        c_vision.Normalize(MEAN, STD),
        c_vision.HWC2CHW(),
    ]


@pytest.mark.parametrize("nested", [False, True])
def test_a_compose_gives_the_array(nested):
    expected = ((FLAT[:10, :10] - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)
    operations = preparation()
    if nested:
        operations = [c_transforms.Compose(operations[:2]), *operations[2:]]
    compose = c_transforms.Compose(operations)
    for result in (compose(Image.fromarray(FLAT)), compose(FLAT), mapped(compose, FLAT)[0]):
        same(result, expected.astype(np.float32), 1e-5)


def test_python_functions_and_py_transforms_in_a_compose():
    import mindspore.dataset.vision.py_transforms as py_vision

    compose = c_transforms.Compose([c_vision.Invert(), lambda image: image // 2])
    same(compose(PICTURE), (255 - PIXELS) // 2)
    same(mapped(compose, PIXELS)[0], (255 - PIXELS) // 2)
    compose = c_transforms.Compose([c_vision.Invert(), py_vision.ToTensor()])
    expected = ((255 - PIXELS) / 255).transpose(2, 0, 1).astype(np.float32)
    same(compose(PICTURE), expected, 1e-6)
    same(mapped(compose, PIXELS)[0], expected, 1e-6)


@pytest.mark.parametrize("mode", ["NEAREST", "LINEAR", "BILINEAR", "CUBIC", "AREA", "PILCUBIC"])
def test_interpolations_have_their_names(mode):
    for image in (FLAT, Image.fromarray(FLAT)):
        operation = c_vision.Resize((12, 9), interpolation=getattr(Inter, mode))
        same(operation(image), FLAT[:12, :9])
    doubled = c_vision.Resize((48, 36), Inter.NEAREST)(Image.fromarray(TALL))
    same(doubled, TALL.repeat(2, 0).repeat(2, 1))


def test_a_grey_picture_and_one_in_floats():
    same(c_vision.CenterCrop(4)(PICTURE.convert("L")), np.asarray(PICTURE.convert("L"))[2:6, 2:6])
    same(c_vision.CenterCrop(4)(FLOAT), FLOAT[2:6, 2:6])
    same(c_vision.Pad(1, padding_mode=Border.EDGE)(FLOAT[..., 0]), np.pad(FLOAT[..., 0], 1, "edge"))


def test_strings_and_lists():
    words = np.array(["b", "a"])
    same(c_transforms.PadEnd([3], "z")(words), np.array(["b", "a", "z"]))
    same(c_transforms.Slice(slice(0, 1))(words), words[:1])
    same(c_transforms.OneHot(3)(np.int32(1)), np.eye(3, dtype=np.int32)[1])
    with pytest.raises(TypeError, match=r"NumPy or PIL"):
        c_vision.Invert()([1, 2, 3])


@pytest.mark.parametrize("name", ["RandomCropResizeJpeg", "ResizeJpeg"])
def test_what_was_gone_in_1_8_is_gone(name):
    with pytest.raises(NotImplementedError, match=r"use .*Decode"):
        getattr(c_vision, f"SoftDvppDecode{name}")(8)


def test_worker_processes_get_the_operations():
    rows = dataset.GeneratorDataset([(PIXELS,)] * 2, ["image"], python_multiprocessing=False)
    dataset.config.set_multiprocessing_start_method("spawn")  # by pickle
    try:
        operations = [c_vision.Invert(), abs, c_vision.HWC2CHW()]
        rows = rows.map(operations, ["image"], num_parallel_workers=1, python_multiprocessing=True)
        (row,) = next(rows.create_tuple_iterator(output_numpy=True, num_epochs=1))
    finally:
        dataset.config.set_multiprocessing_start_method("fork")
    same(row, (255 - PIXELS).transpose(2, 0, 1))
