"""Where the CUDA ops run: emulated on the CPU in three orders, and on a GPU."""

from __future__ import annotations

import os

import pytest

from fastxai.ops import has_native
from fastxai.ops.cuda import cuda_info
from fastxai.ops.cuda.library import use_library
from tests.gpu import _emulated
from tests.gpu._real import RealDevice


def no_gpu() -> str:
    """Why nothing can run on a GPU here, or ''."""
    try:
        import torch
    except ImportError:
        return "no PyTorch, whose GPU arrays the tests use"
    if not torch.cuda.is_available():
        return "no NVIDIA GPU"
    info = cuda_info()
    return "" if info["available"] else f"no CUDA kernels: {info['reason']}"


@pytest.fixture(scope="session")
def emulated_library():
    """The kernels compiled for the CPU."""
    if _emulated.compiler() is None:
        pytest.skip("no C++ compiler to build the emulated kernels with")
    return _emulated.load()


# bench/gpu.sh sets it: the emulated runs say nothing of a GPU, and take longer.
GPU_ALONE = os.environ.get("FASTXAI_TEST_GPU_ALONE") == "1"


@pytest.fixture(params=["gpu"] if GPU_ALONE else [*_emulated.ORDERS, "gpu"])
def device(request: pytest.FixtureRequest):
    """Memory and the library behind `fastxai.ops.cuda`."""
    if not has_native():
        pytest.skip("no native CPU ops to compare with")
    if request.param == "gpu":
        reason = no_gpu()
        if reason:
            pytest.skip(reason)
        yield RealDevice()
        return
    library = request.getfixturevalue("emulated_library")
    before = use_library(library)
    yield _emulated.EmulatedDevice(library, request.param)
    use_library(before)
