"""MindSpore is held to AVX2, OpenVINO is not; under the environment variable both are, aloud.

Which kernels OpenVINO chose is read from its compiled network, not from a clock.
"""

import json
import os
import subprocess
import sys

import pytest

from fastxai import _onednn
from tests.test_onednn import needs_trap


@pytest.fixture(autouse=True)
def _installed(openvino):
    """All tests here are about OpenVINO."""


def report(precision, **environment):
    """What another process computes with, and what it said."""
    clean = {k: v for k, v in os.environ.items() if k not in _onednn.ISA_VARIABLES}
    clean.pop(_onednn.KEEP_VARIABLE, None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine._isa_report", precision],
        capture_output=True,
        text=True,
        env=clean | environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def needs_bfloat16():
    """Skips a test where OpenVINO cannot compute in it, whatever the environment says."""
    if "avx512_bf16" not in _onednn.cpu_flags():
        pytest.skip("the processor has no bfloat16")


@needs_trap
@pytest.mark.parametrize(("precision", "suffix"), [("float32", "f32"), ("bfloat16", "bf16")])
def test_openvino_keeps_avx512_where_mindspore_is_limited(precision, suffix):
    if precision == "bfloat16":
        needs_bfloat16()
    found, said = report(precision)
    assert found["guard"] == "protected"
    assert any("conv_avx512" in kind and kind.endswith(suffix) for kind in found["kinds"])
    assert "MAX_CPU_ISA" not in said


@needs_trap
@pytest.mark.parametrize("variable", _onednn.ISA_VARIABLES)
def test_under_the_variable_the_user_is_told(variable):
    found, said = report("float32", **{variable: "AVX2"})
    assert found["guard"] == "user-set"
    assert not any("conv_avx512" in kind for kind in found["kinds"])
    assert "WARNING RISE: scored by OpenVINO (float32)" in said
    assert f"{variable}=AVX2 holds it back too: unset it" in said


@needs_trap
def test_under_the_variable_bfloat16_is_an_error_that_names_it():
    needs_bfloat16()
    found, _ = report("bfloat16", ONEDNN_MAX_CPU_ISA="AVX2")
    assert "ONEDNN_MAX_CPU_ISA=AVX2 takes bfloat16 from OpenVINO too; unset it" in found["error"]


@pytest.mark.parametrize(
    ("value", "limit"),
    [("AVX2", "ONEDNN_MAX_CPU_ISA=AVX2"), ("", ""), ("ALL", ""), ("default", "")],
)
def test_what_counts_as_a_limit(monkeypatch, value, limit):
    monkeypatch.setattr(_onednn, "cpu_flags", lambda: _onednn._AVX512_FLAGS)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", value)
    assert _onednn.environment_limit() == limit


def test_without_avx512_there_is_nothing_to_lose(monkeypatch):
    monkeypatch.setattr(_onednn, "cpu_flags", lambda: frozenset({"avx2"}))
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert _onednn.environment_limit() == ""
