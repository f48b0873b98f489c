"""`fastxai.compat.restore_mindspore`: import paths of MindSpore 1.x."""

import importlib

import mindspore
import pytest

from fastxai import compat


@pytest.fixture(autouse=True)
def restored():
    compat.restore_mindspore()


def test_nothing_is_restored_twice():
    assert compat.restore_mindspore() == []


@pytest.mark.parametrize("package", ["vision", "transforms"])
@pytest.mark.parametrize("name", ["c_transforms", "py_transforms"])
def test_a_module_is_imported_in_every_way(package, name):
    dotted = f"mindspore.dataset.{package}.{name}"
    parent = importlib.import_module(f"mindspore.dataset.{package}")
    module = importlib.import_module(dotted)
    assert getattr(parent, name) is module
    names: dict = {}
    exec(f"from mindspore.dataset.{package} import {name} as one\nimport {dotted} as other", names)
    assert names["one"] is names["other"] is module


def test_names_shared_by_older_versions_are_the_same():
    import mindspore.dataset.transforms.py_transforms as py_transforms
    import mindspore.dataset.vision.py_transforms as py_vision

    if not mindspore.__version__.startswith("2.7."):  # has them itself, without these names
        assert py_vision.Compose is py_transforms.Compose
        assert py_vision.OneHotOp is py_transforms.OneHotOp


def test_ms_function_is_jit():
    assert mindspore.ms_function is mindspore.jit


def test_what_mindspore_has_by_itself_is_left_alone(monkeypatch):
    monkeypatch.setattr(mindspore, "ms_function", "its own")
    assert compat.restore_mindspore() == []
    assert mindspore.ms_function == "its own"
