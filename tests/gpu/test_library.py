"""libfastxai_cuda.so as nvcc makes it: symbols, architectures, dependencies, no contraction."""

import re
import shutil
import subprocess

import pytest

from fastxai.ops import MaskSpec
from fastxai.ops.cuda.library import CudaLibrary, sizes
from tests.gpu._emulated import ROOT, alone_in
from tests.gpu._fatbin import architectures

AOT = [
    *("mask_grid", "mask_upsample", "masked_product", "saliency_accumulate", "saliency_expand"),
    *("occlusion_fill", "occlusion_sum"),
]
NEUTRAL = [
    *("abi", "status_text", "error_text", *AOT, "occlusion_patch"),
    *("masked_product_workspace", "saliency_expand_workspace", "occlusion_sum_workspace"),
]
# No CUDA run time, no cuBLAS: what every Linux has. The driver is looked for when a GPU is used.
ALLOWED = re.compile(r"^(libc\.so\.6|libm\.so\.6|libstdc\+\+\.so\.6|libgcc_s\.so\.1|ld-linux.*)$")
BUILD = ROOT / "build" / "cuda-test"
pytestmark = pytest.mark.slow  # nvcc builds for every architecture


def tool(name: str) -> str:
    """Path of a program, or a skip."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"no {name}")
    return path


@pytest.fixture(scope="module")
def library():
    """The library, built anew where something changed."""
    tool("nvcc")
    options = ["-DFASTXAI_PYTHON=OFF", "-DFASTXAI_CUDA=ON", "-DFASTXAI_WERROR=ON"]
    options += ["-DCMAKE_CUDA_FLAGS=--no-compress"]
    output = f"-DCMAKE_LIBRARY_OUTPUT_DIRECTORY={BUILD}"
    configure = [tool("cmake"), "-S", str(ROOT), "-B", str(BUILD), *options, output]
    command = [tool("cmake"), "--build", str(BUILD), "--target", "fastxai_gpu", "--parallel", "2"]
    with alone_in(BUILD):
        subprocess.run(configure, check=True)
        subprocess.run(command, check=True)
    return BUILD / "libfastxai_cuda.so"


def listed(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_it_exports_the_interface_and_nothing_else(library):
    symbols = listed(tool("nm"), "-D", "--defined-only", str(library)).splitlines()
    names = {line.split()[-1] for line in symbols}
    assert names == {f"fastxai_{n}" for n in AOT} | {f"fastxai_cuda_{n}" for n in NEUTRAL}


def test_it_needs_no_library_of_cuda(library):
    needed = re.findall(r"NEEDED.*\[(.*)\]", listed(tool("readelf"), "-d", str(library)))
    assert needed
    assert [name for name in needed if not ALLOWED.match(name)] == []


def test_it_has_code_for_turing_ampere_and_hopper_and_ptx_for_what_follows(library):
    machine, ptx = architectures(library)
    assert machine == {75, 80, 90}
    assert ptx == {90}


def test_no_product_is_contracted_into_a_sum(library):
    """No kernel has a fused multiply-add of floats."""
    ptx = library.read_bytes().decode("latin-1")  # as text in it: the build compresses nothing
    entries = " ".join(re.findall(r"\.visible \.entry (\w+)", ptx))
    for kernel in ("mask_grid", "mask_upsample", "planar_product", "add_scores", "mean_drops"):
        assert kernel in entries
    assert re.findall(r"\bfma\.\S*f(?:32|64)\b.*", ptx) == []


def test_it_loads_without_a_driver_and_says_that_there_is_none(library):
    loaded = CudaLibrary(library)
    params = MaskSpec(1, (4, 4)).params(0, 1)
    if shutil.which("nvidia-smi") is not None:
        pytest.skip("there is a driver here")
    with pytest.raises(
        RuntimeError, match=r"mask_grid: the device refused to take the work \(.+\)"
    ):
        loaded.call("mask_grid", params.ctypes.data, 0, sizes(1, 10, 10), None, None, None)


def test_a_build_without_nvcc_goes_on_and_says_so(tmp_path):
    configure = [tool("cmake"), "-S", str(ROOT), "-B", str(tmp_path), "-DFASTXAI_PYTHON=OFF"]
    hidden = "-DFASTXAI_NVCC:FILEPATH=OFF"  # as if it had been looked for and not found
    said = listed(*configure, hidden, "-DFASTXAI_CUDA=AUTO")
    assert "nvcc was not found: no CUDA kernels" in said
    refused = subprocess.run(
        [*configure, hidden, "-DFASTXAI_CUDA=ON"], capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "put it on PATH or set CUDA_HOME" in refused.stderr
