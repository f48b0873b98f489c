"""`fastxai explain` and `compare` of files and functions, in a process that has no MindSpore."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastxai.models import Occlusion
from tests.models._onnx import linear, write_linear

pytest.importorskip("openvino")

ROOT = Path(__file__).resolve().parents[2]
_WITHOUT = """
import sys
sys.modules["mindspore"] = None  # its import fails
from fastxai.cli import main
codes = [main(line.split()) for line in sys.argv[1:]]
sys.exit(0 if codes == [0, 0, 0, 3] else str(codes))
"""
_NETS = """
from tests.models._onnx import linear

def of_mindspore():
    from mindspore import nn
"""


def test_the_command_line_explains_files_without_mindspore(tmp_path):
    write_linear(tmp_path / "net.onnx")
    (tmp_path / "nets.py").write_text(_NETS)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    of_file = "--model net.onnx --size 8x10 --quiet -o"
    ran = subprocess.run(
        [
            *(sys.executable, "-c", _WITHOUT),
            f"explain picture.png {of_file} a.png --explainer occlusion --target 2 --npy map.npy",
            f"compare picture.png {of_file} b.png --explainers rise,occlusion --num-masks 64",
            "explain picture.png --model nets.py:linear --size 8x10 --quiet -o c.png --npy f.npy "
            "--explainer occlusion --target 2",
            "explain picture.png --model nets.py:of_mindspore --size 8x10 -o d.png",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "None in sys.modules. Install it: pip install mindspore" in ran.stderr
    image = pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255
    expected = Occlusion(linear, "softmax")(image, 2)[0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "map.npy"), expected, atol=1e-5)
    np.testing.assert_array_equal(np.load(tmp_path / "f.npy"), expected)
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
