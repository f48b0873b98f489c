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
    cuda.masked_product(Interface(image), Interface(base), SPEC, 0, Interface(out))
    assert 0 < out.mean() < 1


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
        ("spec", (8,), "int64", ValueError, r"`spec` must have shape \(9\)"),
        ("spec", (9,), "int32", TypeError, "`spec` must be int64"),
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
        cuda.masked_product(None, None, SPEC, 0, None)
    use_library(before)


def test_another_library_is_refused(monkeypatch):
    from fastxai import _native

    with pytest.raises(OSError, match="is not fastxai's library"):
        CudaLibrary(str(_native.__file__))
