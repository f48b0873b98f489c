"""MindSpore's primitives of the CUDA library: the emulated one, run by MindSpore on the CPU."""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, mindspore_primitives
from fastxai.ops.cuda.library import use_library
from tests.ops._cells import Wrap

SPEC = MaskSpec(3, (12, 20), (4, 5), 0.5, (3, 2))
WINDOWS = OcclusionSpec((12, 20), (4, 5), (3, 4))
IMAGE = np.random.default_rng(1).normal(size=(3, 12, 20)).astype(np.float32)
BASE = np.array([0.5, -1.0, 2.0], np.float32)
LEVELS = tuple(BASE.tolist())


@pytest.fixture(params=["pynative", "graph"])
def run(request, emulated_library, monkeypatch):
    """Calls a primitive of the emulated library, as MindSpore does."""
    monkeypatch.setattr(mindspore_primitives, "_on_gpu", lambda: True)
    before, mode = use_library(emulated_library), ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)

    def call(op, *arrays):
        found = Wrap(op)(*[ms.Tensor(array) for array in arrays])
        if isinstance(found, (tuple, list)):
            return [output.asnumpy() for output in found]
        return found.asnumpy()

    yield call
    ms.set_context(mode=mode)
    use_library(before)


def test_the_library_is_that_of_cuda(run, emulated_library):
    assert emulated_library.path in str(mindspore_primitives.mask_grid(1, (4, 5)).func)


def test_masks_products_and_covered_copies(run):
    cells, shifts = run(mindspore_primitives.mask_grid(6, SPEC.grid), SPEC.params(9, 6))
    expected = ops.mask_grid(SPEC, 9, 6)
    np.testing.assert_array_equal(cells, expected[0])
    np.testing.assert_array_equal(shifts, expected[1])
    masks = run(
        mindspore_primitives.mask_upsample(SPEC.size), cells, shifts, np.array(SPEC.up_size)
    )
    np.testing.assert_array_equal(masks, ops.mask_upsample(*expected, SPEC.size, SPEC.up_size))
    for dtype in ("float32", "float16"):
        op = mindspore_primitives.masked_product(5, getattr(ms, dtype))
        masked = ops.masked_product(IMAGE, SPEC, 9, 5, base_value=LEVELS, dtype=dtype)
        copies, workspace = run(op, IMAGE, BASE, SPEC.params(9, 5))
        np.testing.assert_array_equal(copies, masked)
        assert workspace.ndim == 1
    covered = run(mindspore_primitives.occlusion_fill(4), IMAGE, BASE, WINDOWS.params(2, 4))
    np.testing.assert_array_equal(
        covered, ops.occlusion_fill(IMAGE, WINDOWS, 2, 4, base_value=LEVELS)
    )


def test_sums_and_their_map(run):
    scores = np.random.default_rng(2).normal(size=(9, 4)).astype(np.float32)
    expected = SaliencySums.zeros(SPEC, 2)
    ops.saliency_accumulate(scores[:, [3, 1]], SPEC, 5, expected)
    empty = SaliencySums.zeros(SPEC, 2)
    sums, moments, bad_row = run(
        mindspore_primitives.saliency_accumulate(),
        *(scores, np.array([3, 1]), SPEC.params(5, 9), empty.sums, empty.moments),
    )
    assert bad_row[0] == -1
    np.testing.assert_array_equal(sums, expected.sums)
    np.testing.assert_array_equal(moments, expected.moments)
    maps, workspace = run(mindspore_primitives.saliency_expand(SPEC.size), sums)
    np.testing.assert_array_equal(maps, ops.saliency_expand(expected.sums, SPEC.size))
    assert workspace.shape == (3, 3, 4, 20)


def test_windows_summed(run):
    drops = np.random.default_rng(3).normal(size=(2, WINDOWS.num_windows))
    maps, workspace = run(
        mindspore_primitives.occlusion_sum(WINDOWS.size), drops, WINDOWS.params(0, 1)
    )
    np.testing.assert_array_equal(maps, ops.occlusion_sum(drops, WINDOWS))
    assert workspace.shape == (2, 2 * WINDOWS.num_windows + 2)


def test_what_has_no_kernel_says_so(run):
    with pytest.raises(RuntimeError, match="no CUDA kernel"):
        mindspore_primitives.pixel_fill(3)


def test_without_the_library_the_error_says_how_to_build_it(monkeypatch, tmp_path):
    monkeypatch.setattr(mindspore_primitives, "_on_gpu", lambda: True)
    monkeypatch.setenv("FASTXAI_CUDA_LIBRARY", str(tmp_path / "none.so"))
    before = use_library(None)
    try:
        with pytest.raises(RuntimeError, match="FASTXAI_CUDA=ON"):
            mindspore_primitives.mask_grid(1, (4, 5))
    finally:
        use_library(before)
