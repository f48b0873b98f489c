"""The front door: what it starts for a device and a suite, and what its exit code says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from bench import environments, run
from bench.common.machine import ROOT


def started(*arguments: str, statuses: dict[str, int] | None = None) -> tuple[int, list[str]]:
    """Exit code of a run whose benchmarks are not run, and what it would have started."""
    texts: list[str] = []

    def pretend(command: list[str]) -> int:
        texts.append(" ".join(command))
        known = (status for part, status in (statuses or {}).items() if part in texts[-1])
        return next(known, 0)

    return run.main(arguments, pretend), texts


def test_operators_on_the_cpu_are_what_is_measured_without_options():
    code, texts = started()
    assert code == 0
    assert any("bench.micro.ops" in text for text in texts)
    assert not any("gpu.sh" in text for text in texts)


@pytest.fixture
def all_environments(monkeypatch):
    """Environments of which every one was made."""
    monkeypatch.setattr(environments, "python_of", lambda name: f"/{name}/python")


@pytest.mark.usefixtures("all_environments")
@pytest.mark.parametrize("suite", [*run.SUITES, "all"])
def test_every_benchmark_of_a_suite_exists(suite):
    code, texts = started("--suite", suite)
    modules = [text.split(" -m ")[1].split()[0] for text in texts]
    assert code == 0
    assert len(texts) == len(run.names_of([suite])) >= 2
    assert all(find_spec(name) for name in modules)


@pytest.mark.usefixtures("all_environments")
def test_a_suite_may_be_one_benchmark_in_its_environments():
    _, texts = started("--suite", "to_quality", "--results", "/r")
    assert texts == [
        "/engines/python -m bench.quality.to_quality --peer-python /peer/python "
        "--networks demo resnet50 --pictures 30 30 --results /r"
    ]


def test_a_benchmark_without_its_environment_is_named_with_what_makes_it(monkeypatch, capsys):
    monkeypatch.setattr(environments, "python_of", lambda name: None)
    assert started("--suite", "libraries") == (3, [])
    said = capsys.readouterr().err
    assert "libraries: needs bench/.engines, bench/.peer, bench/.torch: " in said
    assert "--make-environments" in said


def test_environments_are_named_by_variables(monkeypatch):
    monkeypatch.setenv("PEER_PYTHON", "/mine/python")
    assert environments.python_of("peer") == "/mine/python"
    assert environments.python_of("here") == sys.executable


def test_the_list_names_every_benchmark_and_its_minutes(capsys):
    assert run.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == list(run.BENCHMARKS)
    assert all(line.endswith(" min") for line in lines)


def test_the_folder_of_results_is_handed_on_as_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, texts = started("--results", "here")
    assert all(text.endswith(f"--results {tmp_path / 'here'}") for text in texts)


def test_the_gpu_script_runs_once_for_two_suites():
    _, texts = started("--device", "cuda", "--suite", "ops", "explainers")
    assert len(texts) == 1
    assert "bench/gpu.sh" in texts[0]


def test_a_failed_benchmark_is_exit_code_1_and_the_others_still_run(capsys):
    code, texts = started(statuses={"bench.micro.ops": run.FAILED})
    assert code == 1
    assert len(texts) == len(started()[1]) > 1
    assert "cpu, ops: failed" in capsys.readouterr().err


def test_a_missing_gpu_asked_for_by_name_is_exit_code_3(capsys):
    code, _ = started("--device", "cuda", statuses={"gpu.sh": run.NOTHING_MEASURED})
    assert code == 3
    assert "not measured: cuda: there is no NVIDIA GPU" in capsys.readouterr().err


def test_ascend_measures_nothing_and_says_so(capsys):
    code, texts = started("--device", "ascend")
    assert code == 3
    assert texts == []
    assert "not measured: ascend: there is no" in capsys.readouterr().err


def test_an_npu_without_a_benchmark_is_not_called_missing():
    there = run.reason("ascend", lambda name: f"/usr/bin/{name}")
    assert there == "there is no benchmark for Ascend NPUs yet"


def test_quality_is_of_the_cpu_alone(capsys):
    code, texts = started("--device", "cuda", "--suite", "quality")
    assert (code, texts) == (3, [])
    assert "quality is measured on the CPU alone" in capsys.readouterr().err


def test_all_devices_count_as_measured_where_one_was(capsys):
    code, _ = started("--device", "all", statuses={"gpu.sh": run.NOTHING_MEASURED})
    said = capsys.readouterr().err
    assert code == 0
    assert "cuda: there is no" in said
    assert "ascend: there is no" in said


@pytest.mark.parametrize("wrong", [["--device", "tpu"], ["--suite", "speed"], ["--suite"]])
def test_wrong_arguments_are_exit_code_2(wrong):
    with pytest.raises(SystemExit) as exit_info:
        started(*wrong)
    assert exit_info.value.code == 2


def test_run_py_works_as_a_script_from_any_folder(tmp_path):
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "run.py"), "--dry-run"],
        cwd=tmp_path, env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "-m bench.micro.ops --results" in done.stdout


def test_without_a_gpu_the_real_script_is_exit_code_3(tmp_path, capfd):
    if shutil.which("nvidia-smi"):
        pytest.skip("there is a GPU")
    assert run.main(["--device", "cuda", "--results", str(tmp_path)]) == 3
    assert "nothing was measured" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_benchmark_that_fails_in_its_process_is_a_failure():
    assert run.run_command([sys.executable, "-c", "raise SystemExit(2)"]) == run.FAILED
