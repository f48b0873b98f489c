"""Fixtures that many tests use; also keeps oneDNN out of its slow path in every test process."""

from __future__ import annotations

import os

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")  # before anything imports MindSpore

import pytest

from fastxai import ops

_ISAS = ops.isas() if ops.has_native() else []


@pytest.fixture(params=[*_ISAS, "reference"])
def backend(request: pytest.FixtureRequest):
    """Every instruction set this machine has, and the reference: the `backend` of an op."""
    if request.param == "reference":
        yield "reference"
        return
    before = ops.native_info()["isa"]
    ops.select_isa(request.param)
    yield "native"
    ops.select_isa(before)


@pytest.fixture(params=_ISAS)
def isa(request: pytest.FixtureRequest):
    """Every instruction set this machine has."""
    before = ops.native_info()["isa"]
    ops.select_isa(request.param)
    yield request.param
    ops.select_isa(before)


@pytest.fixture(params=["pynative", "graph"])
def mode(request: pytest.FixtureRequest):
    """Both of MindSpore's modes."""
    ms = pytest.importorskip("mindspore")  # tests/gpu runs on machines without it
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield request.param
    ms.set_context(mode=before)


@pytest.fixture
def threads():
    """Gives the number of threads back."""
    yield ops.set_num_threads
    ops.set_num_threads(0)
