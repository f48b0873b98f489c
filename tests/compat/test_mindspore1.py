"""`fastxai.compat.restore_mindspore`: import paths of MindSpore 1.x."""

import importlib
import io

import mindspore
import numpy as np
import pytest
from mindspore import dataset
from PIL import Image

from fastxai import compat


@pytest.fixture(autouse=True)
def restored():
    compat.restore_mindspore()


def picture():
    return np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype(np.uint8)


def test_nothing_is_restored_twice():
    assert compat.restore_mindspore() == []


@pytest.mark.parametrize("package", ["vision", "transforms"])
@pytest.mark.parametrize("name", ["c_transforms", "py_transforms"])
def test_a_module_is_imported_in_every_way(package, name):
    dotted = f"mindspore.dataset.{package}.{name}"
    parent = importlib.import_module(f"mindspore.dataset.{package}")
    module = importlib.import_module(dotted)
    assert getattr(parent, name) is module
    assert module.__name__ == dotted
    if package == "transforms" or name == "py_transforms":
        assert module.Compose is dataset.transforms.Compose


def test_a_pipeline_written_for_c_transforms_prepares_images():
    import mindspore.dataset.vision.c_transforms as c_vision
    from mindspore.dataset.transforms.c_transforms import Compose

    mean, std = [10.0, 20.0, 30.0], [2.0, 4.0, 5.0]
    operations = Compose([c_vision.Normalize(mean, std), c_vision.HWC2CHW()])
    pixels = picture()
    rows = dataset.GeneratorDataset([(pixels,)], ["image"], python_multiprocessing=False)
    rows = rows.map(operations, ["image"], num_parallel_workers=1)
    (image,) = next(rows.create_tuple_iterator(output_numpy=True, num_epochs=1))
    np.testing.assert_allclose(image, ((pixels - mean) / std).transpose(2, 0, 1), rtol=1e-5)


def test_py_transforms_keep_the_defaults_they_had():
    import mindspore.dataset.vision.py_transforms as py_vision

    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG")
    decoded = py_vision.Decode()(np.frombuffer(file.getvalue(), np.uint8))
    assert isinstance(decoded, Image.Image)
    image = py_vision.ToTensor()(decoded)
    assert image.shape == (3, 8, 6)
    normal = py_vision.Normalize([0.5, 0.25, 0.0], [1.0, 2.0, 4.0])(image)
    expected = (picture() / 255.0 - [0.5, 0.25, 0.0]) / [1.0, 2.0, 4.0]
    np.testing.assert_allclose(normal, expected.transpose(2, 0, 1), atol=1e-6)


def test_ms_function_is_jit():
    assert mindspore.ms_function is mindspore.jit


def test_what_mindspore_has_by_itself_is_left_alone(monkeypatch):
    monkeypatch.setattr(mindspore, "ms_function", "its own")
    assert compat.restore_mindspore() == []
    assert mindspore.ms_function == "its own"
