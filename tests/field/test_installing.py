"""What an installation builds, and from what: setup.py, with CMake and setuptools stood in for."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import setuptools

ROOT = Path(__file__).parents[2]


def built(monkeypatch, tmp_path, **environment):
    """Command lines of a build with nvcc on PATH."""
    import subprocess

    for name in ("FASTXAI_CUDA", "FASTXAI_BUILD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "nvcc").write_text("#!/bin/sh\n")
    (tmp_path / "nvcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    commands, given = [], {}
    monkeypatch.setattr(subprocess, "run", lambda command, **_: commands.append(command))
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    script = runpy.run_path(str(ROOT / "setup.py"))
    script["CMakeBuild"].build_extension.__globals__["ROOT"] = tmp_path
    if not given["ext_modules"]:
        return commands
    command = script["CMakeBuild"](setuptools.Distribution({"name": "fastxai", **given}))
    command.ensure_finalized()
    command.build_lib = str(tmp_path)
    command.build_extension(given["ext_modules"][0])
    return commands


@pytest.mark.parametrize("wish", [{}, {"FASTXAI_CUDA": ""}, {"FASTXAI_CUDA": "off"}])
def test_nothing_of_cuda_is_built_unless_asked_for(monkeypatch, tmp_path, wish):
    configure, build = built(monkeypatch, tmp_path, **wish)
    assert "-DFASTXAI_CUDA=OFF" in configure
    assert "fastxai_gpu" not in build


@pytest.mark.parametrize("wish", ["ON", "auto"])
def test_cuda_is_built_where_it_is_asked_for(monkeypatch, tmp_path, wish):
    configure, _, gpu = built(monkeypatch, tmp_path, FASTXAI_CUDA=wish)
    assert f"-DFASTXAI_CUDA={wish.upper()}" in configure
    assert "fastxai_gpu" in gpu


def test_a_build_that_is_skipped_runs_nothing(monkeypatch, tmp_path):
    assert built(monkeypatch, tmp_path, FASTXAI_BUILD="skip") == []


def test_a_wish_that_is_none_is_refused(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="FASTXAI_CUDA must be one of OFF, ON, AUTO, got 'MAYBE'"):
        built(monkeypatch, tmp_path, FASTXAI_CUDA="maybe")


def test_cmake_itself_builds_no_cuda_by_default():
    text = (ROOT / "CMakeLists.txt").read_text()
    assert re.search(r"^set\(FASTXAI_CUDA OFF CACHE", text, re.M)


def test_pages_name_only_extras_that_there_are():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    there = set(project["optional-dependencies"])
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    found = [set(re.findall(r"(?:'\.|fastxai)\[([\w,]+)\]", page.read_text())) for page in pages]
    named = {name for texts in found for text in texts for name in text.split(",")}
    assert {"openvino", "demo"} <= named <= there


def test_a_source_archive_holds_what_cmake_compiles():
    manifest = (ROOT / "MANIFEST.in").read_text().splitlines()
    text = (ROOT / "CMakeLists.txt").read_text()
    folders = set(re.findall(r"\b(csrc|kernels)/", text))
    assert {f"graft {folder}" for folder in folders} | {"include CMakeLists.txt"} <= set(manifest)
    assert folders == {"csrc", "kernels"}
