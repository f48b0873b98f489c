"""``fastxai run``: unmodified scripts written for mindspore_xai."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys

import helper
import mindspore.dataset.vision.c_transforms as C
import numpy as np
from mindspore import Tensor, ms_function, nn
from mindspore_xai.explainer import Gradient
from mindspore_xai.visual.cv import saliency_to_image

network = nn.SequentialCell(nn.Flatten(), nn.Dense(12, 3))
image = C.HWC2CHW()(np.arange(12, dtype=np.float32).reshape(2, 2, 3))
saliency = Gradient(network)(Tensor(image[None]), 1)
saliency_to_image(saliency.asnumpy()[0, 0])
print(__name__, sys.argv[1:], helper.WORD, saliency.shape, sys.modules["mindspore_xai"].__name__)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("WORD = 'beside the script'\n")
    return tmp_path


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "fastxai", "run", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "GLOG_v": "3"},
        check=False,
    )


def test_an_unmodified_script_runs_with_its_arguments_and_its_neighbours(folder):
    done = run(folder / "script.py", "--epochs", "3", "-h", cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "__main__ ['--epochs', '3', '-h'] beside the script (1, 1, 2, 2) fastxai\n"
    )


def test_the_script_ends_with_its_own_exit_code(folder):
    (folder / "ends.py").write_text("import mindspore_xai, sys\nsys.exit(7)\n")
    assert run("ends.py", cwd=folder).returncode == 7


def test_an_error_of_the_script_is_shown_with_its_line(folder):
    (folder / "fails.py").write_text("import mindspore_xai\nraise ValueError('of the script')\n")
    done = run("fails.py", cwd=folder)
    assert done.returncode == 1
    assert 'fails.py", line 2' in done.stderr
    assert done.stderr.endswith("ValueError: of the script\n")


def test_a_script_that_is_not_there_is_exit_code_3(cli):
    result = cli("run", "no_such_script.py")
    assert (result.code, result.out) == (3, "")
    assert result.err == "fastxai run: error: there is no file no_such_script.py\n"
