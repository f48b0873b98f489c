"""What an import loads: few files for an explainer, no framework in rooms that know none."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_FILES, MOST_LINES = 45, 5500  # of the package that `RISE` may load

COUNT = """
import sys
from fastxai.explainer import RISE
files = {
    module.__file__
    for name, module in list(sys.modules.items())
    if name.partition(".")[0] == "fastxai" and str(getattr(module, "__file__", "")).endswith(".py")
}
print(len(files), sum(open(file, encoding="utf-8").read().count("\\n") for file in files))
"""


def output_of(script):
    """What a fresh interpreter prints for a script."""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return run.stdout


def test_rise_loads_few_files():
    files, lines = map(int, output_of(COUNT).split())
    assert files < MOST_FILES
    assert lines < MOST_LINES


def modules_of(room):
    """Dotted names of all modules of a package."""
    paths = sorted((ROOT / "fastxai" / room).rglob("*.py"))
    names = (path.relative_to(ROOT).with_suffix("").as_posix() for path in paths)
    return [name.replace("/", ".").removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("room", ["masks", "perturbation"])
def test_rooms_without_a_framework_import_none(room):
    """In an interpreter that can import neither."""
    names = modules_of(room)
    assert len(names) > 5
    imports = "\n".join(f"import {name}" for name in names)
    blocked = "import sys\nsys.modules['mindspore'] = sys.modules['torch'] = None\n"
    output_of(blocked + imports)
    with pytest.raises(subprocess.CalledProcessError):
        output_of(blocked + "import fastxai.explainer.perturb.rise")
