"""What of bench/gpu.sh can be tried without a GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from bench.common import timing
from bench.common.machine import ROOT
from bench.report import pages as report
from tests.bench.test_report import ABOUT

SCRIPT = ROOT / "bench" / "gpu.sh"


def summed(value: float) -> dict[str, float]:
    return timing.summary([value, value * 1.1, value * 1.2])


@pytest.fixture
def result() -> dict[str, Any]:
    product = {
        "dtype": "bfloat16", "layout": "NHWC", "design": "iid",
        "gb_per_s": {"product": 3000.0, "fill": 3900.0, "zero": 4000.0},
        "share_of_fill": summed(0.7),
    }  # fmt: skip
    return {
        "device": {"nvidia_smi": "GPU name, 1.2, 3 MiB", "torch": "2.0"},
        "results": {
            "products": [product],
            "others": [{"op": "mask_grid", "seconds": summed(1e-5)}],
            "hot_path": {
                "seconds": {"pytorch": summed(1e-3)},
                "times_ours": {"pytorch": summed(9)},
            },
            "resnet50": {
                "masks": 6000, "batches": 24, "batch": 250,
                "seconds": {"rise": summed(1.0), "bare": summed(0.9)}, "ratio": summed(1.02),
            },
        },
    }  # fmt: skip


def test_the_table_has_every_figure(result):
    text = report.text_of("gpu", {"gpu": {**ABOUT, **result}})
    for part in (
        "| bfloat16, NHWC, iid | 3000 | 4000 | 0.77 (0.73 to 0.80) |",
        "| mask_grid | 11.0 (10.5 to 11.5) |",
        "| pytorch | 1100.0 (1050.0 to 1150.0) | 9.9 (9.4 to 10.3) |",
        "| 6000 masks in 24 batches of 250 | 1.10 (1.05 to 1.15) | 0.99 (0.95 to 1.04) |",
        "GPU name, 1.2, 3 MiB; PyTorch 2.0.\n",
    ):
        assert part in text


def test_without_torchvision_the_table_has_no_resnet50(result):
    result["results"]["resnet50"] = None
    assert "RISE, ResNet50" not in report.text_of("gpu", {"gpu": {**ABOUT, **result}})


def test_without_a_result_the_page_names_the_script():
    assert report.text_of("gpu", {}) == "Not measured yet: `bench/gpu.sh`.\n"


def test_without_a_gpu_the_script_says_so_and_measures_nothing(tmp_path):
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU")
    done = subprocess.run(
        ["bash", str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no NVIDIA GPU (nvidia-smi failed): nothing was measured" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_pytorch_without_a_gpu_measures_nothing(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = subprocess.run(
        [sys.executable, "-m", "bench.gpu", "--results", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "PyTorch sees no NVIDIA GPU: nothing was measured" in done.stderr


def test_the_peer_in_pytorch_makes_what_rise_makes():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from bench.peers import pytorch_masks

    image, scores = torch.rand(3, 12, 16), torch.rand(5, 2)
    made = (
        pytorch_masks.one_shift(image, scores, 4, (12, 16), 3),
        pytorch_masks.own_shifts(image, scores, 4, (12, 16)),
    )
    for copies, summed_masks in made:
        masks = (copies / image).mean(dim=1)
        assert copies.shape == (5, 3, 12, 16)
        assert 0.2 < float(masks.mean()) < 0.8
        expected = torch.einsum("ml,myx->lyx", scores, masks)
        assert torch.allclose(summed_masks, expected, atol=1e-4)
