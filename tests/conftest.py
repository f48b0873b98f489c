"""Fixtures that many tests use.

Importing fastxai here keeps MindSpore out of its slow convolutions in every test process; the
environment variable that does the same would take bfloat16 from the engines.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import signal

import pytest

# Before any library of OpenMP's is loaded: teams that wait take no core from other test processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# Each process of `make test` has a core of its own, and starts no threads that wait for it.
if os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import fastxai  # noqa: E402
from fastxai import ops  # noqa: E402

# A background job of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

_ISAS = ops.isas() if ops.has_native() else []


def pytest_collection_finish() -> None:
    """Takes what lives as long as the session from the garbage collector's rounds.

    MindSpore makes a full one before each compilation; among the objects of all tests it would take
    a quarter of the time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _mindspore_scores():
    """MindSpore's scores, to the bit, in all tests; those in tests/engine choose for themselves."""
    if importlib.util.find_spec("mindspore") is None:  # tests/gpu and tests/torch do without it
        yield
        return
    fastxai.set_engine("mindspore")
    yield
    fastxai.set_engine()


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
