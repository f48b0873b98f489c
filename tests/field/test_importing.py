"""What `import fastxai` gives, and what it says where the source tree is imported unbuilt."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastxai
import fastxai.benchmark
import fastxai.explainer
import fastxai.tool.cv
import fastxai.visual.cv

ROOT = Path(__file__).parents[2]
HOMES = {
    fastxai.explainer: (
        "RISE Deconvolution Explanation GradCAM Gradient GuidedBackprop Occlusion RISEPlus"
    ),
    fastxai.benchmark: "ClassSensitivity Faithfulness Localization Robustness",
    fastxai.tool.cv: "OoDNet",
    fastxai.visual.cv: (
        "normalize_saliency saliency_to_image saliency_to_rgba uncertainty_to_image"
    ),
}
NAMES = {name: home for home, names in HOMES.items() for name in names.split()}


def python(script, cwd=ROOT, **environment):
    """What a fresh interpreter prints, as JSON."""
    run = subprocess.run(
        [sys.executable, "-c", f"import json\n{script}"],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_that_of_its_module(name):
    assert getattr(fastxai, name) is getattr(NAMES[name], name)
    assert name in dir(fastxai)
    assert name in fastxai.__all__


def test_all_that_is_public_can_be_had_and_star_imported():
    space = {}
    exec("from fastxai import *", space)  # noqa: S102
    assert set(fastxai.__all__) <= set(space)
    assert set(fastxai.__all__) <= set(dir(fastxai))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fastxai' has no attribute 'RICE'"):
        fastxai.RICE  # noqa: B018
    assert not hasattr(fastxai, "RICE")
    with pytest.raises(ImportError, match="cannot import name 'RICE'"):
        from fastxai import RICE  # noqa: F401


def test_sub_packages_are_attributes_without_an_import_of_their_own():
    names = ["explainer", "benchmark", "tool", "visual", "demo", "compat", "reference", "cli"]
    script = f"import fastxai\nprint(json.dumps([getattr(fastxai, n).__name__ for n in {names}]))"
    assert python(script) == [f"fastxai.{name}" for name in names]


def test_importing_loads_no_explainer_and_asking_loads_no_plotting():
    script = """
import sys, fastxai
before = [n for n in sys.modules if n.startswith(("fastxai.explainer", "fastxai.demo"))]
fastxai.RISE, fastxai.saliency_to_image, fastxai.OoDNet, fastxai.Robustness
unwanted = ("matplotlib", "openvino", "onnxruntime")
print(json.dumps(before + [n for n in unwanted if n in sys.modules]))
"""
    assert python(script) == []


def test_without_mindspore_the_rest_works_and_a_name_says_what_it_needs():
    script = """
import inspect, sys
sys.modules["mindspore"] = None
import fastxai
inspect.getmembers(fastxai)  # all of dir() can be had
try:
    fastxai.GradCAM
    said = ""
except ImportError as error:
    said = str(error)
fastxai.saliency_to_image
names = ("GradCAM", "RISE", "saliency_to_image")
print(json.dumps([said, fastxai.RISE.__module__, *(name in dir(fastxai) for name in names)]))
"""
    said, of_rise, *listed = python(script)
    assert said.startswith("fastxai.GradCAM needs MindSpore, which is not installed: pip install")
    assert of_rise == "fastxai.models.rise"
    assert listed == [False, True, True]


# ---- a clone in which nothing was built --------------------------------------------------------

SAID = """
import warnings
from fastxai.ops import MaskSpec, mask_grid, native_info
from fastxai.ops.native import native
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    mask_grid(MaskSpec(seed=1, size=(8, 8)), 0, 2)
try:
    native()
    refused = ""
except RuntimeError as error:
    refused = str(error)
words = [str(w.message) for w in caught if "native" in str(w.message)]
print(json.dumps([words, refused, native_info()["reason"]]))
"""
HIDDEN = """
import sys
sys.path.insert(0, {tree!r})
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f)]
"""


@pytest.fixture
def tree(tmp_path):
    """Python's part of a tree, without what was built."""
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.ckpt", "*.png")
    shutil.copytree(ROOT / "fastxai", tmp_path / "fastxai", ignore=ignored)
    return tmp_path


def said_of(tree):
    """The warning, the error and the reason."""
    return python(HIDDEN.format(tree=str(tree)) + SAID, cwd=tree)


def test_an_unbuilt_source_tree_is_named_with_what_to_do(tree):
    (tree / "setup.py").touch()
    (tree / "csrc").mkdir()
    (warning,), refused, reason = said_of(tree)
    assert reason == f"you are importing the source tree {tree}, in which nothing was built"
    for text in (warning, refused):
        assert reason in text
        assert "run Python in another folder" in text
        assert "pip install -e ." in text
        assert "compiler" not in text


def test_an_installation_without_native_code_names_the_compiler(tree):
    (warning,), refused, reason = said_of(tree)
    assert reason == "they were not built"
    for text in (warning, refused):
        assert "source tree" not in text
        assert "FASTXAI_BUILD=require" in text
        assert "C++17 compiler" in text


def test_a_native_module_that_cannot_be_loaded_is_no_unbuilt_tree(tree):
    from importlib.machinery import EXTENSION_SUFFIXES

    (tree / "setup.py").touch()
    (tree / "csrc").mkdir()
    (tree / "fastxai" / f"_native{EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    _, refused, _ = said_of(tree)
    assert "source tree" not in refused
    assert "FASTXAI_BUILD=require" in refused
