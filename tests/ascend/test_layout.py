"""The sources as CANN's build gets them, and what they tell CANN, fit what Python calls."""

import shutil
import subprocess

import pytest

from tests.ascend._emulator import EMULATOR, KERNELS, OPS, ROOT, compiler

TENSORS = {
    "FastxaiMaskedProduct": "image:float32 base:float32 cells:float32 shifts:int32 rows:int32 "
    "row_weights:float32 cols:int32 col_weights:float32 ->out:float32 ",
    "FastxaiSaliencyAccumulate": "scores:float32 cells:float32 shifts:int32 count:int32 "
    "sums:float32 moments:float32 ->new_sums:float32 new_moments:float32 ",
    "FastxaiOcclusionFill": "image:float32 base:float32 windows:int64 geometry:int64 "
    "->out:float32 ",
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """What `cmake -S csrc/ascend` makes."""
    if shutil.which("cmake") is None:
        pytest.skip("no cmake on this machine")
    folder = tmp_path_factory.mktemp("layout")
    command = ["cmake", "-S", str(ROOT / "csrc/ascend"), "-B", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def test_every_op_has_a_host_and_a_kernel_file_of_its_name(layout):
    for side in ("op_host", "op_kernel"):
        names = {path.name for path in (layout / side).glob("*.cpp")}
        assert names == {f"fastxai_{op}.cpp" for op in OPS}


@pytest.mark.parametrize("side", ["op_host", "op_kernel"])
@pytest.mark.parametrize("op", OPS)
def test_a_flat_folder_holds_all_that_its_sources_include(layout, side, op):
    outside = EMULATOR / "cann" if side == "op_host" else EMULATOR
    command = [compiler(), "-std=c++17", "-fsyntax-only", f"-I{outside}"]
    done = subprocess.run(
        [*command, str(layout / side / f"fastxai_{op}.cpp")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("op", TENSORS)
def test_cann_is_told_of_the_tensors_that_python_passes(library, op):
    assert library.describe(op) == f"{TENSORS[op]}@ascend910b@ascend910_93"


def test_every_kernel_has_a_tiling_and_a_plan(layout):
    for kernel in KERNELS:
        assert (layout / f"op_host/{kernel}_plan.h").is_file()
        assert (layout / f"op_kernel/{kernel}_tiling.h").is_file()
