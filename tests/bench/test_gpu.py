"""What of bench/gpu.sh and bench.gpu can be tried without a GPU."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.common import sections, timing
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
        "timed": {"product": timing.GRAPH, "fill": timing.GRAPH},
        "gb_per_s": {"product": 3000.0, "fill": 3900.0, "zero": 4000.0},
        "share_of_fill": summed(0.7),
    }  # fmt: skip
    grid = {"op": "mask_grid", "timed": timing.GRAPH, "seconds": summed(1e-5)}
    return {
        "device": {"nvidia_smi": "GPU name, 1.2, 3 MiB", "torch": "2.0"},
        "failed": {},
        "results": {
            "products": [product],
            "others": [{**grid, "host_seconds": summed(4e-5)}],
            "hot_path": {
                "timed": {"pytorch": timing.GRAPH},
                "seconds": {"pytorch": summed(1e-3)},
                "times_ours": {"pytorch": summed(9)},
            },
            "resnet50": {
                "masks": 6000, "batches": 24, "batch": 250,
                "seconds": {"rise": summed(1.0), "bare": summed(0.9)}, "ratio": summed(1.02),
            },
        },
    }  # fmt: skip


# ---- the tables -------------------------------------------------------------------------------


def test_the_table_has_every_figure(result):
    text = report.text_of("gpu", {"gpu": {**ABOUT, **result}})
    for part in (
        "| bfloat16, NHWC, iid | 3000 | 4000 | 0.77 (0.73 to 0.80) |",
        "| mask_grid | 11.0 (10.5 to 11.5) | 44.0 (42.0 to 46.0) |",
        "| pytorch | 1100.0 (1050.0 to 1150.0) | 9.9 (9.4 to 10.3) |",
        "| 6000 masks in 24 batches of 250 | 1.10 (1.05 to 1.15) | 0.99 (0.95 to 1.04) |",
        "| GPU name, 1.2, 3 MiB; PyTorch 2.0 | replays of a CUDA graph |",
    ):
        assert part in text
    assert "Sections without figures" not in text


@pytest.mark.parametrize("lost", ["products", "others", "hot_path", "resnet50"])
def test_a_section_that_failed_takes_its_table_alone_and_says_why(result, lost):
    titles = {
        "products": "**masked_product on a GPU**",
        "others": "**The other operators on a GPU**",
        "hot_path": "**A batch of RISE without a network on a GPU**",
        "resnet50": "**RISE of ResNet50 on a GPU over its bare passes**",
    }
    result["results"][lost] = None
    result["failed"] = {lost: "ImportError: no such thing"}
    text = report.text_of("gpu", {"gpu": {**ABOUT, **result}})
    assert f"| {lost} | ImportError: no such thing |" in text
    assert titles.pop(lost) not in text
    assert all(title in text for title in titles.values())


def test_the_table_names_what_was_not_timed_by_a_graph(result):
    result["results"]["others"][0]["timed"] = "events around calls, no graph: refused"
    text = report.text_of("gpu", {"gpu": {**ABOUT, **result}})
    assert "mask_grid: events around calls, no graph: refused" in text
    assert "replays of a CUDA graph" not in text


def test_without_a_result_the_page_names_the_script():
    assert report.text_of("gpu", {}) == "Not measured yet: `bench/gpu.sh all`.\n"


# ---- sections ---------------------------------------------------------------------------------

# A benchmark of four sections: one is fine, one raises, one crashes, one never ends.
MODULE = """
import os, sys, time
from pathlib import Path
from bench.common.sections import write_section
def lost():
    raise ValueError("a kernel is missing\\nand more")
does = {"fine": lambda: {"a": [1, 2.5]}, "raises": lost,
        "crashes": lambda: os._exit(7), "hangs": lambda: time.sleep(60)}
write_section(Path(sys.argv[2]), does[sys.argv[1]])
"""


def test_a_section_that_fails_crashes_or_hangs_loses_itself_alone(tmp_path, monkeypatch, capfd):
    (tmp_path / "four_sections.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    limits = {"raises": 30.0, "crashes": 30.0, "hangs": 0.7, "fine": 30.0}
    seen = []
    for found in sections.collect(limits, sections.in_a_process("four_sections", [])):
        seen.append((dict(found.results), dict(found.failed)))
    assert [len(failed) for _, failed in seen] == [1, 2, 3, 3]
    results, failed = seen[-1]
    assert results == {"raises": None, "crashes": None, "hangs": None, "fine": {"a": [1, 2.5]}}
    assert failed == {
        "raises": "ValueError: a kernel is missing",
        "crashes": "its process ended: 7",
        "hangs": "stopped after 1 s",
    }
    assert "== raises: FAILED: ValueError" in capfd.readouterr().out


@pytest.fixture
def trial(monkeypatch):
    """bench.gpu_sections over the emulated library on the CPU, small; its times mean nothing."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from bench import gpu_sections
    from bench.common import gpu_timing
    from fastxai.ops import has_native
    from fastxai.ops.cuda.library import use_library
    from tests.gpu import _emulated

    if not has_native() or _emulated.compiler() is None:
        pytest.skip("no native ops or no C++ compiler for the emulated kernels")

    def seconds(run: Any) -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    all_calls = gpu_timing.timed

    def timed(contenders: Any, repeats: int, calls: int = 0) -> Any:
        return all_calls(contenders, repeats, calls=2)

    monkeypatch.setattr(gpu_timing, "seconds_of", seconds)
    monkeypatch.setattr(gpu_timing, "timed", timed)
    monkeypatch.setattr(torch, "compile", lambda function: function)
    monkeypatch.setattr(gpu_sections, "DEVICE", "cpu")
    monkeypatch.setattr(gpu_sections, "SIZE", (12, 16))
    monkeypatch.setattr(gpu_sections, "BATCH", 3)
    before = use_library(_emulated.load())
    yield gpu_sections
    use_library(before)


@pytest.mark.parametrize("name", ["check", "products", "others", "hot_path"])
def test_every_section_runs_over_the_emulated_kernels(trial, result, name):
    found = trial.SECTIONS[name][0](argparse.Namespace(repeats=1, masks=4))
    found = json.loads(json.dumps(found))
    if name == "check":
        assert found == ["masked_product has the CPU's values, every design"]
        return
    result["results"][name] = found
    text = report.text_of("gpu", {"gpu": {**ABOUT, **result}})
    named = {
        "products": ["float32, NCHW, placed", "bfloat16, NHWC, lattice"],
        "others": ["saliency_accumulate, lattice", "occlusion_sum", "masked_product"],
        "hot_path": ["fastxai", "torch.compile, one shift a batch"],
    }
    assert all(f"| {part} |" in text for part in named[name])
    assert "events around calls, no graph: " in text  # there is no CUDA to capture


def test_rise_and_bare_passes_are_compared_over_the_emulated_kernels(trial):
    import torch

    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 10 * 14, 7)
    ).eval()
    found = trial.rise_over_bare(network, 8, 1)
    assert (found["masks"], found["batch"]) == (8, 3)
    assert found["batches"] == 3
    assert found["ratio"]["median"] > 0


# ---- the script -------------------------------------------------------------------------------


def test_without_a_gpu_the_script_says_so_and_measures_nothing(tmp_path):
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU")
    done = subprocess.run(
        ["bash", str(SCRIPT), "all", str(tmp_path / "out")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no NVIDIA GPU (nvidia-smi failed): nothing was measured" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_a_part_the_script_says_which_there_are():
    for arguments in ([], ["measur"]):
        done = subprocess.run(
            ["bash", str(SCRIPT), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 64
        assert "bench/gpu.sh build|tests|measure|sanitize|all [FOLDER]" in done.stderr


class Machine:
    """A machine of programs that say how they were called, and a GPU of capability 9.0."""

    TELL = (
        '#!/bin/bash\necho "$(basename "$0") $* cache=$PYTORCH_NO_CUDA_MEMORY_CACHING" >> "{log}"\n'
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        self.results = folder / "out"
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.program("nvidia-smi", 'case "$*" in *compute_cap*) echo 9.0 ;; esac')
        for name in ("cmake", "python", "compute-sanitizer"):
            self.program(name)

    def program(self, name: str, does: str = "echo said by $(basename $0)") -> None:
        path = self.programs / name
        path.write_text(f"{self.TELL.format(log=self.log)}{does}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, part: str) -> tuple[int, list[str], list[str]]:
        """Exit code of the script, lines of its last table, and the calls of the programs."""
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", str(SCRIPT), part, str(self.results)], capture_output=True, text=True,
            check=False, env={**os.environ, "PATH": path, "PYTHON": str(self.programs / "python")},
        )  # fmt: skip
        table = done.stdout.split("| step | outcome | s | last line |\n|---|---|---|---|\n")[-1]
        return done.returncode, table.splitlines(), self.log.read_text("utf-8").splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_module_and_the_library_are_built_apart_for_the_gpu_at_hand(machine):
    code, table, calls = machine.run("build")
    assert code == 0
    assert [line.split(" | ")[0] for line in table] == ["| native", "| cuda"]
    builds = [call for call in calls if call.startswith("cmake --build")]
    assert "build/gpu-native --target _native" in builds[0]
    assert "build/gpu --target fastxai_gpu" in builds[1]
    assert any("-DCMAKE_CUDA_ARCHITECTURES=90 " in call for call in calls)


@pytest.mark.parametrize("said", ["exit 9", "echo No devices were found", "echo 9.0; exit 9"])
def test_where_no_gpu_answers_the_library_is_built_for_9_0(machine, said):
    machine.program("nvidia-smi", said)
    code, _, calls = machine.run("build")
    assert code == 0
    assert any("-DCMAKE_CUDA_ARCHITECTURES=90 " in call for call in calls)


def test_a_module_that_cannot_be_built_does_not_stop_the_library(machine):
    machine.program("cmake", 'case "$*" in *gpu-native*) echo no Python.h; exit 3 ;; esac')
    code, table, calls = machine.run("build")
    assert code == 1
    assert table[0].startswith("| native | failed (3) |")
    assert "no Python.h" in table[0]
    assert table[1].startswith("| cuda | ok |")


def test_all_measures_before_the_sanitizers_and_a_failure_stops_nothing(machine):
    machine.program("python", 'case "$*" in *"-m pytest"*) exit 1 ;; esac')
    machine.program("compute-sanitizer", 'case "$*" in *memcheck*) exit 9 ;; esac')
    code, table, calls = machine.run("all")
    assert code == 1
    outcomes = [tuple(line.split(" | ")[:2]) for line in table]
    assert outcomes == [
        ("| native", "ok"), ("| cuda", "ok"), ("| tests", "failed (1)"), ("| measure", "ok"),
        ("| memcheck", "failed (9)"), ("| racecheck", "ok"),
    ]  # fmt: skip
    pytest_call = next(call for call in calls if "-m pytest" in call)
    assert "--maxfail=30" in pytest_call
    assert f"-m bench.gpu --results {machine.results}" in " ".join(calls)
    sanitizers = [call for call in calls if call.startswith("compute-sanitizer")]
    assert len(sanitizers) == 2
    for call in sanitizers:
        assert "--kernel-name kernel_substring=fastxai" in call
        assert call.endswith("cache=1")
    assert (machine.results / "gpu-memcheck.log").exists()


def test_the_parts_fit_into_calls_of_eight_minutes():
    """Seconds of the steps of each part, as the script gives them."""
    found = re.findall(r"\bstep \"?([\w$]+)\"? (\d+) ", SCRIPT.read_text("utf-8"))
    limits = {name: int(seconds) for name, seconds in found}
    parts = [
        limits["native"] + limits["cuda"], limits["tests"], limits["measure"], 2 * limits["$tool"]
    ]  # fmt: skip
    assert all(seconds < 480 for seconds in parts)


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
