"""The Python of the docs and of every docstring runs; public docstrings say all they have to."""

import doctest
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import fastxai
import fastxai.benchmark
import fastxai.explainer
import fastxai.tool.cv
import fastxai.visual.cv
from fastxai.compat.unavailable import not_available
from tests.docs import pages
from tools import page_code

ROOT = Path(__file__).parents[2]


PAGES = {page.relative_to(ROOT).as_posix(): page for page in page_code.pages()}
OF_DIGITS = "explainers"  # pages whose pictures the package's own network and pictures make


# A script, then commands of `fastxai`: MindSpore takes three seconds to start.
IN_ONE_PROCESS = """
import json, os, runpy, sys
runpy.run_path(sys.argv[1])
assert os.listdir() == ["eight.png"], os.listdir()
from fastxai.cli import main
for words in json.loads(sys.argv[2]):
    if words[0] == "batch":  # its header and six pictures of fifty
        with open(words[1], "r+") as listed:
            lines = listed.readlines()[:7]
            listed.seek(0)
            listed.truncate()
            listed.writelines(lines)
    assert main(words) == 0, words
"""
# Masks and epochs of a page are for people's maps; whether its code runs shows with fewer.
FEWER = {r"num_masks=\d{3,}": "num_masks=256", r"epoch=\d+": "epoch=1"}


def shortened(code: str) -> str:
    """A page's code with fewer masks and epochs."""
    for long, short in FEWER.items():
        code = re.sub(long, short, code)
    return code


def test_the_pages_that_users_read_have_code():
    assert {"README.md", "docs/quickstart.md", "docs/engines.md", "docs/gpu.md"} <= set(PAGES)


@pytest.mark.parametrize("name", sorted(PAGES.keys() - {"README.md"}))  # has a test of its own
def test_python_of_the_docs_runs(name, monkeypatch, tmp_path):
    page = PAGES[name]
    if not page_code.code_of(page):
        pytest.skip(f"needs {sorted({n for b in page_code.blocks(page) for n in b.needs})}")
    monkeypatch.chdir(tmp_path)
    fastxai.set_engine()  # 'auto', as a reader has it
    page_code.run(page, shortened)
    if page.parent.name == OF_DIGITS:
        shown = page_code.pictures(page)
        assert len(shown) == 1
        for picture in shown:
            with Image.open(picture) as made, Image.open(page_code.IMAGES / picture) as committed:
                assert made.size == committed.size


def test_every_picture_that_a_page_shows_is_there():
    for page in pages.user_pages():
        for target in pages.pictures(page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{pages.name_of(page)}: {target}"


@pytest.mark.slow
def test_readme_runs_in_an_empty_folder_with_nothing_of_a_clone_on_the_path(tmp_path):
    """Python, then the command line, in one new process that finds the package alone."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = tmp_path / "script.py"
    script.write_text(page_code.code_of(ROOT / "README.md"))
    shell = "".join(re.findall(r"^```bash\n(fastxai demo.*?)^```", readme, re.M | re.S))
    for picture in ("eight.png", "all.png"):  # as many masks as it takes are for people
        shell = shell.replace(f"-o {picture}", f"--num-masks 64 -o {picture}")
    shell = shell.replace("--num-masks 1024", "--num-masks 64")
    shell = shell.replace("--layer features", "--layer features --explainers rise,gradcam")
    lines = shell.replace("\\\n", "").splitlines()
    commands = [words[1:] for line in lines if (words := shlex.split(line, comments=True))]
    assert [words[0] for words in commands] == [*("demo", "explain", "compare", "demo", "batch")]
    packages = tmp_path / "packages"  # as if installed: no examples/, tests/ or tools/ beside it
    packages.mkdir()
    (packages / "fastxai").symlink_to(ROOT / "fastxai")
    folder = tmp_path / "empty"
    folder.mkdir()
    subprocess.run(
        [sys.executable, "-c", IN_ONE_PROCESS, script, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(packages)},
        check=True,
    )
    assert {"demo.png", "eight.png", "all.png", "report.html"} <= {
        path.name for path in folder.iterdir()
    }


# ---- docstrings -------------------------------------------------------------------------------

MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "fastxai").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
NEEDS = {  # packages that a module and its examples cannot do without
    "fastxai.torch": ("torch",),
    "fastxai.adapters.captum": ("torch", "captum"),
    "fastxai.adapters.quantus": ("torch",),
    "fastxai.adapters.sklearn": ("sklearn",),
}


def test_there_are_modules_with_examples():
    assert {"fastxai.explainer.perturb.rise", "fastxai.benchmark.robustness"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module, monkeypatch, tmp_path):
    for package in next((n for room, n in NEEDS.items() if module.startswith(room)), ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.attempted > 0
    assert outcome.failed == 0


PACKAGES = (fastxai.explainer, fastxai.benchmark, fastxai.tool.cv, fastxai.visual.cv)
ABSENT = type(not_available("a name"))  # of the tabular explainers, which raise when used
PUBLIC = {
    name: getattr(package, name)
    for package in PACKAGES
    for name in package.__all__
    if type(getattr(package, name)) is not ABSENT
}
CALLED = ("__call__", "evaluate", "aggregate", "train", "prepare_train")


def method_of(kind, name):
    """A method that a class has from this project; what an nn.Cell inherits is MindSpore's."""
    own = (vars(base).get(name) for base in kind.__mro__ if base.__module__.startswith("fastxai"))
    return next(filter(None, own), None)


METHODS = {
    f"{name}.{method}": method_of(kind, method)
    for name, kind in PUBLIC.items()
    for method in CALLED
    if inspect.isclass(kind) and method_of(kind, method)
}
del METHODS["OoDNet.__call__"]  # a Cell's: the class says what goes in and comes out


def sections_of(doc: str) -> dict[str, str]:
    """Headings of a Google docstring and what stands below them."""
    parts = re.split(r"^(\w[\w ]*):\n", inspect.cleandoc(doc), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def parameters_of(function) -> list[str]:
    """Names as in an Args section, without `self`."""
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parameters = list(inspect.signature(function).parameters.values())
    return [marks.get(p.kind, "") + p.name for p in parameters if p.name != "self"]


def undocumented(function, sections: dict[str, str]) -> list[str]:
    """Parameters that the Args section does not name."""
    named = re.findall(r"^    (\*{0,2}\w+):", sections.get("Args", ""), re.M)
    return [name for name in parameters_of(function) if name not in named]


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_says_where_it_is_from_and_shows_how_to_use_it(name):
    sections = sections_of(PUBLIC[name].__doc__)
    assert {"Source", "Supported Platforms"} <= set(sections)
    assert any(">>> " in sections.get(heading, "") for heading in ("Example", "Examples"))
    assert undocumented(PUBLIC[name], sections) == []
    if parameters_of(PUBLIC[name]):
        assert "Raises" in sections
    assert inspect.isclass(PUBLIC[name]) or "Returns" in sections


@pytest.mark.parametrize("name", METHODS)
def test_what_is_called_says_what_it_takes_returns_and_raises(name):
    doc = inspect.getdoc(METHODS[name])
    if "arguments, result and errors as of `RISE`" in doc:
        doc = inspect.getdoc(fastxai.explainer.RISE.__call__)
    sections = sections_of(doc)
    assert undocumented(METHODS[name], sections) == []
    assert "Raises" in sections
    returned = inspect.signature(METHODS[name]).return_annotation
    assert ("Returns" in sections) == (returned != "None")
