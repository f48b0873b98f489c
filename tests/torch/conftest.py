"""Where the loops of fastxai.torch run: the CPU's, and the GPU's on the emulated library."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'fastxai[torch]'")

from fastxai.ops import has_native  # noqa: E402
from fastxai.ops.cuda.library import use_library  # noqa: E402
from tests.gpu import _emulated  # noqa: E402
from tests.gpu.conftest import GPU_ALONE, no_gpu  # noqa: E402


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch):
    """Makes tensors on the CPU take the GPU's way, over the emulated library."""
    from fastxai.torch import backend

    if _emulated.compiler() is None:
        pytest.skip("no C++ compiler to build the emulated kernels with")
    monkeypatch.setattr(backend, "on_gpu", lambda image: True)
    before = use_library(_emulated.load())
    yield
    use_library(before)


@pytest.fixture(params=["cuda"] if GPU_ALONE else ["cpu", "emulated", "cuda"])
def place(request: pytest.FixtureRequest):
    """Device for networks and inputs."""
    if request.param == "cuda":
        reason = no_gpu()
        if reason:
            pytest.skip(reason)
        torch = pytest.importorskip("torch")
        torch.backends.cudnn.allow_tf32 = False  # convolutions in float32, as on the CPU
        return "cuda"
    if request.param == "emulated":
        request.getfixturevalue("emulated")
    elif not has_native():
        pytest.skip("no native CPU ops")
    return "cpu"
