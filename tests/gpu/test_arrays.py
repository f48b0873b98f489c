"""What the CUDA ops take for an array or a stream, and what they say to anything else."""

import numpy as np
import pytest

from fastxai.ops import MaskSpec, OcclusionSpec, cuda
from fastxai.ops.cuda.arrays import as_device_array, stream_handle
from fastxai.ops.cuda.library import CudaLibrary, use_library
from tests.gpu._emulated import EmulatedDevice

SPEC = MaskSpec(1, (8, 12))


class Interface:
    """An array with `__cuda_array_interface__` alone, as Numba's."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def __cuda_array_interface__(self) -> dict:
        return {**self.array.__array_interface__, "version": 3}


@pytest.fixture
def emulated(emulated_library):
    """The emulated library in place, and its memory."""
    before = use_library(emulated_library)
    yield EmulatedDevice(emulated_library, "forward")
    use_library(before)


@pytest.mark.parametrize("wrap", [Interface, lambda array: array], ids=["interface", "dlpack"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "float32", "float64"])
def test_arrays_are_seen_as_they_are(emulated, wrap, dtype):
    array = np.arange(24).astype(dtype).reshape(2, 3, 4)
    for view in (array, array.transpose(2, 0, 1), array[:, ::2, 1:]):
        seen = as_device_array("op", "out", wrap(view))
        assert seen.pointer == view.ctypes.data
        assert seen.shape == view.shape
        assert seen.dtype == dtype
        assert [step * view.itemsize for step in seen.strides] == list(view.strides)
        assert seen.contiguous == view.flags.c_contiguous


def test_channels_last_is_seen_by_the_strides(emulated):
    batch = np.zeros((2, 5, 7, 3), np.float32)
    assert as_device_array("op", "out", batch.transpose(0, 3, 1, 2)).channels_last
    assert not as_device_array("op", "out", batch.transpose(0, 3, 1, 2)).contiguous
    assert not as_device_array("op", "out", batch).channels_last
    one = as_device_array("op", "out", np.zeros((2, 1, 5, 7), np.float32))
    assert one.contiguous
    assert one.channels_last


def test_the_interface_is_enough_to_run_on(emulated):
    out = np.zeros((2, 3, 8, 12), np.float32)
    image, base = np.ones((3, 8, 12), np.float32), np.zeros(3, np.float32)
    cuda.masked_product(Interface(image), Interface(base), SPEC, 0, Interface(out), room())
    assert 0 < out.mean() < 1


IMAGE, BASE = np.ones((3, 8, 12), np.float32), np.zeros(3, np.float32)


def room() -> np.ndarray:
    """A workspace for two masked copies."""
    return np.zeros(cuda.masked_product_workspace((2, 3, 8, 12), SPEC.grid))


def test_arrays_of_the_other_byte_order_are_refused(emulated):
    out = np.zeros((2, 3, 8, 12), np.float32)
    with pytest.raises(TypeError, match="`image` must have the device's byte order, got >f4"):
        cuda.masked_product(Interface(IMAGE.astype(">f4")), BASE, SPEC, 0, out, room())
    assert as_device_array("op", "cells", Interface(np.zeros(2, ">u1"))).dtype == "uint8"


def test_masked_arrays_are_refused(emulated):
    masked = Interface(IMAGE)
    kind = type(masked)
    hidden = type("Hidden", (kind,), {})(IMAGE)
    described = {**masked.__cuda_array_interface__, "mask": masked}
    type(hidden).__cuda_array_interface__ = property(lambda self: described)
    out = np.zeros((2, 3, 8, 12), np.float32)
    with pytest.raises(TypeError, match="masked_product: `image` must have no mask"):
        cuda.masked_product(hidden, BASE, SPEC, 0, out, room())


def test_what_is_read_only_is_not_written(emulated):
    out = np.zeros((2, 3, 8, 12), np.float32)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="masked_product: `out` must be writable"):
        cuda.masked_product(IMAGE, BASE, SPEC, 0, Interface(out), room())
    assert not out.any()


@pytest.mark.parametrize("shift", [0, 1, 287, 575])
def test_an_output_in_the_memory_of_an_input_is_refused(emulated, shift):
    memory = np.ones(3 * 8 * 12 * 4, np.float32)
    out = memory[: 2 * 288].reshape(2, 3, 8, 12)
    image = memory[shift : shift + 288].reshape(3, 8, 12)
    for wrapped in (Interface(out), out.reshape(2, 3, 8, 12)):
        with pytest.raises(ValueError, match="`out` and `image` share memory"):
            cuda.masked_product(image, BASE, SPEC, 0, wrapped, room())
    assert memory.all()
    cuda.masked_product(
        memory[576:864].reshape(3, 8, 12), BASE, SPEC, 0, out, room()
    )  # beside each other


def _grid(memory):
    cells = memory.view(np.uint8)[:200].reshape(2, 10, 10)
    cuda.mask_grid(SPEC, 0, cells, memory.view(np.int32)[:4].reshape(2, 2))


def _product(memory):
    out = memory.view(np.float32)[:576].reshape(2, 3, 8, 12)
    cuda.masked_product(IMAGE, BASE, SPEC, 0, out, memory[200:2000])


def _accumulate(memory):
    sums = memory[: 2 * 121 * 100].reshape(2, 11, 11, 10, 10)
    scores, bad_row = np.zeros((2, 1), np.float32), np.zeros(1, np.int64)
    cuda.saliency_accumulate(scores, SPEC, 0, sums, memory[:4].reshape(2, 2), bad_row)


def _sum(memory):
    windows = OcclusionSpec((8, 12), (4, 4), (4, 4))
    drops = np.zeros((1, windows.num_windows))
    cuda.occlusion_sum(drops, windows, memory[:96].reshape(1, 8, 12), memory[50:20000])


@pytest.mark.parametrize(
    ("call", "first", "second"),
    [
        (_grid, "cells", "shifts"),
        (_product, "out", "workspace"),
        (_accumulate, "sums", "moments"),
        (_sum, "maps", "workspace"),
    ],
)
def test_two_outputs_in_the_same_memory_are_refused(emulated, call, first, second):
    with pytest.raises(ValueError, match=f"`{first}` and `{second}` share memory"):
        call(np.zeros(40000))


@pytest.mark.parametrize("value", [3, None, [1.0], "text"])
def test_what_is_no_array_is_refused(emulated, value):
    with pytest.raises(TypeError, match="op: `out` must be an array in the GPU's memory"):
        as_device_array("op", "out", value)


def test_an_array_in_the_cpus_memory_is_refused(emulated):
    library = CudaLibrary(emulated._library.path)  # as the real one: for arrays on a GPU
    before = use_library(library)
    with pytest.raises(TypeError, match="op: `out` must be an array in the GPU's memory"):
        as_device_array("op", "out", np.zeros(3))
    use_library(before)


def test_streams_of_any_library(emulated):
    def stream(**attributes):
        return type("Stream", (), attributes)()

    assert stream_handle("op", 7) == 7
    assert stream_handle("op", stream(cuda_stream=8)) == 8
    assert stream_handle("op", stream(ptr=9)) == 9
    assert stream_handle("op", stream(__cuda_stream__=lambda self: (0, 10))) == 10
    with pytest.raises(TypeError, match="op: `stream` must be an int or a stream"):
        stream_handle("op", "0")


def product(device, **changes):
    arguments = {
        "image": device.empty((3, 8, 12), "float32"),
        "base": device.empty((3,), "float32"),
        "spec": SPEC,
        "first": 0,
        "out": device.empty((2, 3, 8, 12), "float32"),
        "workspace": room(),
        **changes,
    }
    cuda.masked_product(**arguments)


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "error", "message"),
    [
        ("image", (3, 8, 12), "float64", TypeError, "`image` must be float32, got float64"),
        ("image", (8, 12), "float32", ValueError, r"`image` must have shape \(any, any, any\)"),
        ("base", (2,), "float32", ValueError, r"`base` must have shape \(3\), got \(2,\)"),
        ("out", (2, 3, 8, 11), "float32", ValueError, "`out` must have shape"),
        ("out", (2, 3, 8, 12), "float64", TypeError, "`out` must be float32 or float16 or bfloat"),
        ("workspace", (9,), "float64", ValueError, "`workspace` must have at least 194 elements"),
        ("workspace", (999,), "float32", TypeError, "`workspace` must be float64"),
        ("spec", (8,), "int64", ValueError, r"`spec` must have shape \(25\)"),
        ("spec", (25,), "int32", TypeError, "`spec` must be int64"),
    ],
)
def test_wrong_arrays_are_named(emulated, name, shape, dtype, error, message):
    with pytest.raises(error, match=f"masked_product: {message}"):
        product(emulated, **{name: emulated.empty(shape, dtype)})


def test_other_wrong_arguments_are_named(emulated):
    with pytest.raises(ValueError, match=r"masked_product: the images must be \(8, 12\) pixels"):
        product(
            emulated,
            image=emulated.empty((3, 8, 11), "float32"),
            out=emulated.empty((2, 3, 8, 11), "float32"),
        )
    with pytest.raises(ValueError, match="`first` must be in"):
        product(emulated, first=-1)
    gaps = np.zeros((2, 3, 8, 24), np.float32)[..., ::2]
    with pytest.raises(ValueError, match="masked_product: `out` must be contiguous"):
        product(emulated, out=gaps)
    with pytest.raises(ValueError, match="`workspace` must begin at an address that 16 divides"):
        product(emulated, workspace=emulated.empty((999,), "float64", skew=1))
    small = emulated.empty((3,), "float64")
    windows = OcclusionSpec((8, 12), (4, 4), (4, 4))
    maps = emulated.empty((1, 8, 12), "float64")
    drops, sums = emulated.empty((1, 6), "float64"), emulated.empty((1, 2, 2, 3, 3), "float64")
    with pytest.raises(ValueError, match="occlusion_sum: `workspace` must have at least 14"):
        cuda.occlusion_sum(drops, windows, maps, small)
    with pytest.raises(ValueError, match="saliency_expand: `workspace` must have at least"):
        cuda.saliency_expand(sums, maps, small)


def test_without_the_library_the_error_says_how_to_build_it(monkeypatch):
    before = use_library(None)
    monkeypatch.setenv("FASTXAI_CUDA_LIBRARY", "/nowhere/libfastxai_cuda.so")
    assert not cuda.has_cuda()
    assert cuda.cuda_info()["reason"] == "/nowhere/libfastxai_cuda.so was not built"
    with pytest.raises(RuntimeError, match="no CUDA kernels here .*FASTXAI_CUDA=ON pip install"):
        cuda.masked_product(None, None, SPEC, 0, None, None)
    use_library(before)


def test_another_library_is_refused(monkeypatch):
    from fastxai import _native

    with pytest.raises(OSError, match="is not fastxai's library"):
        CudaLibrary(str(_native.__file__))
