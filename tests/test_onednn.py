"""The guard against slow convolutions: what it decides, and what oneDNN then really runs."""

import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest

from fastxai import _onednn

ROOT = Path(__file__).resolve().parents[1]
AVX512 = frozenset({"sse4_1", "avx2", "avx512f", "avx512bw", "avx512vl", "avx512dq"})

CONVOLUTION = """
import numpy as np
import mindspore
image = mindspore.Tensor(np.ones((1, 4, 8, 8), np.float32))
weight = mindspore.Tensor(np.ones((4, 4, 3, 3), np.float32))
mindspore.ops.conv2d(image, weight, pad_mode="same").asnumpy()
"""
GUARD = """
import fastxai
from fastxai import _onednn
print("STATE", _onednn.protect().state)
"""


def affected_machine():
    """Tell whether the guard has something to do here."""
    try:
        import mindspore
    except ImportError:
        return False
    return (
        sys.platform == "linux"
        and _onednn.cpu_flags() >= _onednn._AVX512_FLAGS
        and mindspore.__version__.startswith(("2.9.", "2.10."))
    )


needs_trap = pytest.mark.skipif(
    not affected_machine(), reason="needs MindSpore 2.9 or 2.10 on a processor with AVX-512"
)


def run_python(tmp_path, code, **environment):
    """Run code as a script in a fresh Python, oneDNN's choices on standard output."""
    script = tmp_path / "script.py"
    script.write_text(code)
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_MAX_CPU_ISA")}
    clean.pop(_onednn.KEEP_VARIABLE, None)
    paths = [str(ROOT), *filter(None, [clean.get("PYTHONPATH")])]
    clean |= {"ONEDNN_VERBOSE": "1", "PYTHONPATH": os.pathsep.join(paths), **environment}
    result = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, env=clean, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result


def convolutions(result):
    """Return the implementations that oneDNN named for the convolutions it ran."""
    lines = [line.split(",") for line in result.stdout.splitlines()]
    return [line[6] for line in lines if line[2:6] == ["primitive", "exec", "cpu", "convolution"]]


@needs_trap
def test_importing_fastxai_makes_mindspore_use_a_fast_convolution(tmp_path):
    result = run_python(tmp_path, GUARD + CONVOLUTION)
    assert "STATE protected" in result.stdout
    assert convolutions(result) == ["x64:gemm:jit"]
    assert "RuntimeWarning" not in result.stderr


@needs_trap
def test_importing_mindspore_first_is_no_hindrance(tmp_path):
    result = run_python(tmp_path, "import mindspore\n" + GUARD + CONVOLUTION)
    assert "STATE protected" in result.stdout
    assert convolutions(result) == ["x64:gemm:jit"]


@needs_trap
def test_the_guard_leaves_the_environment_to_other_engines(tmp_path):
    code = GUARD + "import os\nprint('SET', [k for k in os.environ if 'MAX_CPU_ISA' in k])\n"
    assert "SET []" in run_python(tmp_path, code).stdout


@needs_trap
def test_the_keep_variable_leaves_the_reference_loop(tmp_path):
    result = run_python(tmp_path, GUARD + CONVOLUTION, FASTXAI_KEEP_ONEDNN_ISA="1")
    assert "STATE kept" in result.stdout
    assert [name for name in convolutions(result) if "ref" in name]
    assert "RuntimeWarning" not in result.stderr


@needs_trap
@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_a_limit_set_by_the_user_is_respected(tmp_path, variable):
    result = run_python(tmp_path, GUARD + CONVOLUTION, **{variable: "SSE41"})
    assert "STATE user-set" in result.stdout
    assert "cpu,isa:Intel SSE4.1" in result.stdout


@needs_trap
def test_a_convolution_before_the_import_gives_one_warning_at_the_user_s_import(tmp_path):
    code = CONVOLUTION + GUARD + CONVOLUTION
    result = run_python(tmp_path, code)
    line = code.splitlines().index("import fastxai") + 1
    assert "STATE too-late" in result.stdout
    (warning,) = [text for text in result.stderr.splitlines() if "RuntimeWarning" in text]
    assert f"script.py:{line}: " in warning
    assert "export ONEDNN_MAX_CPU_ISA=AVX2 before starting Python" in warning
    assert [name for name in convolutions(result) if "ref" in name]


@needs_trap
def test_a_convolution_before_the_import_is_harmless_under_the_variable(tmp_path):
    result = run_python(tmp_path, CONVOLUTION + GUARD, ONEDNN_MAX_CPU_ISA="AVX2")
    assert "STATE user-set" in result.stdout
    assert "RuntimeWarning" not in result.stderr


@needs_trap
@pytest.mark.parametrize(("keep", "slow"), [("0", False), ("1", True)])
def test_the_probe_tells_the_trap_from_a_normal_speed(tmp_path, keep, slow):
    code = GUARD + "print('PROBE', _onednn.probe_convolution(repeats=2))\n"
    result = run_python(tmp_path, code, FASTXAI_KEEP_ONEDNN_ISA=keep, ONEDNN_VERBOSE="0")
    assert f"slow={slow}" in result.stdout
    assert (_onednn.REMEDY in result.stdout) == slow


@pytest.fixture
def machine(monkeypatch):
    """Pretend an affected machine, with a MindSpore whose folder holds no oneDNN."""
    monkeypatch.setattr(_onednn, "_status", None)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_onednn.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(_onednn, "cpu_flags", lambda: AVX512)
    for variable in (*_onednn.ISA_VARIABLES, _onednn.KEEP_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    mindspore = types.ModuleType("mindspore")
    mindspore.__version__ = "2.10.0"
    mindspore.__file__ = "/nowhere/mindspore/__init__.py"
    mindspore.__spec__ = types.SimpleNamespace(name="mindspore")
    monkeypatch.setitem(sys.modules, "mindspore", mindspore)
    return types.SimpleNamespace(mindspore=mindspore, monkeypatch=monkeypatch)


def test_a_missing_library_warns_once_and_says_what_to_export(machine):
    with pytest.warns(RuntimeWarning, match="export ONEDNN_MAX_CPU_ISA=AVX2 before starting"):
        status = _onednn.protect()
    assert status.state == "failed"
    assert "libdnnl.so.3" in status.detail
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _onednn.protect() is status


def test_another_processor_or_system_is_not_affected(machine):
    machine.monkeypatch.setattr(_onednn, "cpu_flags", lambda: AVX512 - {"avx512dq"})
    assert _onednn._decide().detail == "the processor has no AVX-512"
    machine.monkeypatch.setattr(_onednn.platform, "machine", lambda: "aarch64")
    assert _onednn._decide().detail == "not Linux on x86-64"


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("2.8.0", "not-affected"),
        ("2.9.0", "failed"),
        ("2.10", "failed"),
        ("2.10.0rc1", "failed"),
        ("2.11.0", "not-affected"),
        ("2.90.0", "not-affected"),
        ("2.1.0", "not-affected"),
    ],
)
def test_only_the_affected_versions_are_touched(machine, version, state):
    machine.mindspore.__version__ = version
    assert _onednn._decide().state == state  # 'failed': it went for the library, which is absent


def test_no_mindspore_is_not_affected(machine):
    machine.monkeypatch.setattr(_onednn.importlib.util, "find_spec", lambda name: None)
    assert _onednn._decide().detail == "MindSpore is not installed"


def test_an_empty_variable_counts_as_unset_as_in_onednn(machine):
    machine.monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "")
    assert _onednn._decide().state == "failed"


def test_only_the_value_1_keeps_the_isa(machine):
    machine.monkeypatch.setenv(_onednn.KEEP_VARIABLE, "0")
    assert _onednn._decide().state == "failed"
    machine.monkeypatch.setenv(_onednn.KEEP_VARIABLE, "1")
    assert _onednn._decide().state == "kept"


def test_a_limit_that_does_not_hold_is_told(machine):
    library = types.SimpleNamespace(
        dnnl_set_max_cpu_isa=lambda isa: 0, dnnl_get_effective_cpu_isa=lambda: 0x27
    )
    machine.monkeypatch.setattr(_onednn.ctypes, "CDLL", lambda path: library)
    status = _onednn._decide()
    assert (status.state, status.detail) == ("failed", "oneDNN kept its limit of 0x27")


def test_flags_are_those_of_the_first_processor(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("model name : x\nflags\t\t: fpu avx2\nflags : other\n")
    assert _onednn.cpu_flags(str(cpuinfo)) == {"fpu", "avx2"}
    assert _onednn.cpu_flags(str(tmp_path / "absent")) == frozenset()


@pytest.mark.parametrize(
    ("repeats", "kind", "message"),
    [
        (0, ValueError, "`repeats` must be at least 1, got 0"),
        (1.5, TypeError, "`repeats` must be an int, got 1.5"),
        (True, TypeError, "`repeats` must be an int, got True"),
    ],
)
def test_the_probe_refuses_wrong_repeats(repeats, kind, message):
    with pytest.raises(kind, match="^probe_convolution: " + message):
        _onednn.probe_convolution(repeats)
