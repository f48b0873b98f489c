"""The module that --model names: found, imported by its name or from its file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from fastxai.cli.messages import UNREADABLE_INPUT, CliError, first_line

FILE_SUFFIX = ".py"
_FRAMEWORKS = ("mindspore", "torch")  # what modules of networks import, by their names on PyPI
MODEL_SUFFIXES = (".onnx", ".xml")


def is_model_file(model: str) -> bool:
    """Whether it names an ONNX file or an OpenVINO IR, and not something to import."""
    return model.endswith(MODEL_SUFFIXES)


def split_model(model: str) -> tuple[str, str]:
    """Split 'module:name' or 'path/to/file.py:name' at the last colon; a model file is whole."""
    if is_model_file(model):
        return model, ""
    module, _, name = model.rpartition(":")
    return module, name


def sources_of(module: str) -> list[str]:
    """The files that importing it runs first, as far as they are found without running any."""
    if is_model_file(module):
        return [module, str(Path(module).with_suffix(".bin"))]
    if module.endswith(FILE_SUFFIX):
        return [module]
    found: list[str] = []
    folders: list[str] | None = [os.getcwd(), *sys.path]
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:end]), folders)
        if spec is None:
            break
        if spec.origin is not None:
            found.append(spec.origin)
        if spec.submodule_search_locations is None:
            break
        folders = list(spec.submodule_search_locations)
    return found


def load_module(module: str, option: str = "--model") -> ModuleType:
    """Import a module by its name, the current folder first, or a file; `option` named it."""
    is_file = module.endswith(FILE_SUFFIX)
    if is_file and not os.path.isfile(module):
        what = "is a folder" if os.path.isdir(module) else "does not exist"
        raise CliError(UNREADABLE_INPUT, f"{option}: {module} {what}")
    try:
        return _load_file(os.path.realpath(module)) if is_file else _load_name(module)
    except (Exception, SystemExit) as error:
        raise CliError(
            UNREADABLE_INPUT, f"{option}: cannot import {module!r}: {words_of(error)}"
        ) from error


def words_of(error: BaseException) -> str:
    """An error of a module's code in a line; what is missing is to be installed."""
    if isinstance(error, ModuleNotFoundError) and error.name in _FRAMEWORKS:
        return f"{first_line(error)}. Install it: pip install {error.name}"
    return first_line(error)


def module_of(model: str) -> ModuleType:
    """The module of what --model names; an empty one of a model file."""
    return ModuleType("file") if is_model_file(model) else load_module(split_model(model)[0])


def _load_name(name: str) -> ModuleType:
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _load_file(path: str) -> ModuleType:
    """Import a file as what it is called, so that processes that are started find it too."""
    folder, parts = Path(path).parent, [Path(path).stem]
    while (folder / "__init__.py").is_file():  # it may import from its package
        parts.insert(0, folder.name)
        folder = folder.parent
    for searched in (os.getcwd(), str(folder)):
        if searched not in sys.path:
            sys.path.insert(0, searched)
    if all(part.isidentifier() for part in parts):
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        module = importlib.import_module(name)
        if module.__file__ is not None and os.path.realpath(module.__file__) == path:
            return module
    # Another module has the name, such as one of the standard library, or it is no name.
    name = f"fastxai_model_{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # its suffix is .py
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
