"""The MindSpore primitives equal the NumPy functions in every mode."""

import mindspore as ms
import numpy as np
import pytest

from fastxai import ops
from fastxai.ops import MaskSpec, OcclusionSpec, SaliencySums, mindspore_primitives
from tests.ops._cells import Wrap, jitted

if not ops.has_native():
    pytest.skip("no native kernels", allow_module_level=True)


@pytest.fixture(params=["pynative", "jit", "graph"])
def run(request):
    """Calls a primitive in one of MindSpore's three ways."""
    before = ms.get_context("mode")
    graph = request.param == "graph"
    ms.set_context(mode=ms.GRAPH_MODE if graph else ms.PYNATIVE_MODE)
    made = {}

    def call(op, *arrays):
        # One compiled graph per primitive, as in use.
        runner = made.setdefault(id(op), (op, jitted(op) if request.param == "jit" else Wrap(op)))
        outputs = runner[1](*[ms.Tensor(array) for array in arrays])
        if isinstance(outputs, (tuple, list)):
            return [output.asnumpy() for output in outputs]
        return outputs.asnumpy()

    yield call
    ms.set_context(mode=before)


SPEC = MaskSpec(2**63 + 5, (21, 34), (4, 3), 0.4, (5, 2))
IMAGE = np.random.default_rng(0).normal(size=(3, 21, 34)).astype(np.float32)
BASE = np.array([0.5, -1.0, 2.0], np.float32)


OA_SPEC = MaskSpec(2**63 + 5, (21, 34), (4, 3), 0.5, (5, 2), "oa128")


def test_mask_grid_of_both_designs_from_one_primitive(run):
    op = mindspore_primitives.mask_grid(6, SPEC.grid)
    for spec in (SPEC, OA_SPEC):
        for first in (0, 125, 2**33):
            cells, shifts = run(op, spec.params(first, 6))
            expected = ops.mask_grid(spec, first, 6, backend="reference")
            np.testing.assert_array_equal(cells, expected[0])
            np.testing.assert_array_equal(shifts, expected[1])


def test_mask_upsample(run):
    cells, shifts = ops.mask_grid(SPEC, 0, 5)
    masks = run(
        mindspore_primitives.mask_upsample(SPEC.size), cells, shifts, np.array(SPEC.up_size)
    )
    np.testing.assert_array_equal(masks, ops.mask_upsample(cells, shifts, SPEC.size, SPEC.up_size))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_masked_product(run, dtype):
    op = mindspore_primitives.masked_product(5, getattr(ms, dtype))
    for spec, first in ((SPEC, 0), (SPEC, 12345), (OA_SPEC, 125)):
        out = run(op, IMAGE, BASE, spec.params(first, 5))
        expected = ops.masked_product(
            IMAGE, spec, first, 5, base_value=tuple(BASE.tolist()), dtype=dtype
        )
        bits = out.view(np.uint16) if dtype == "bfloat16" else out
        np.testing.assert_array_equal(bits, expected)


@pytest.mark.parametrize("spec", [SPEC, OA_SPEC], ids=lambda spec: spec.design)
def test_saliency_accumulate_chains(run, spec):
    op = mindspore_primitives.saliency_accumulate()
    scores = np.random.default_rng(1).random((12, 5)).astype(np.float32)
    targets = np.array([3, 0])
    empty = SaliencySums.zeros(spec, 2)
    sums, moments = empty.sums, empty.moments
    for first in (120, 126):
        rows = scores[first - 120 : first - 114]
        sums, moments, bad = run(op, rows, targets, spec.params(first, 6), sums, moments)
        assert bad.tolist() == [-1]
    expected = SaliencySums.zeros(spec, 2)
    ops.saliency_accumulate(scores[:, targets], spec, 120, expected, backend="reference")
    np.testing.assert_allclose(sums, expected.sums, rtol=1e-12)
    np.testing.assert_allclose(moments, expected.moments, rtol=1e-12)
    assert not empty.sums.any(), "the inputs must not be written"


def test_saliency_accumulate_reports_a_bad_row_and_the_graph_lives_on(run):
    op = mindspore_primitives.saliency_accumulate()
    empty = SaliencySums.zeros(SPEC, 1)
    scores = np.ones((4, 1), np.float32)
    bad_scores = scores.copy()
    bad_scores[2] = np.nan
    args = (np.array([0]), SPEC.params(0, 4), empty.sums, empty.moments)
    assert run(op, bad_scores, *args)[2].tolist() == [2]
    sums, moments, bad = run(op, scores, *args)
    assert bad.tolist() == [-1]
    assert moments[-1, 0] == 4


def test_saliency_accumulate_says_that_a_target_is_outside_the_scores(run):
    op = mindspore_primitives.saliency_accumulate()
    empty = SaliencySums.zeros(SPEC, 1)
    scores = np.ones((4, 3), np.float32)
    for target in (3, -1):
        args = (np.array([target]), SPEC.params(0, 4), empty.sums, empty.moments)
        sums, moments, bad = run(op, scores, *args)
        assert bad.tolist() == [-2]
        assert not sums.any()
        assert not moments.any()


def test_saliency_expand(run):
    sums = np.random.default_rng(0).random((2, *SPEC.shift_range, *SPEC.grid))
    maps = run(mindspore_primitives.saliency_expand(SPEC.size), sums)
    np.testing.assert_array_equal(maps, ops.saliency_expand(sums, SPEC.size))


def test_occlusion_fill(run):
    spec = OcclusionSpec((21, 34), (4, 5), (2, 3))
    op = mindspore_primitives.occlusion_fill(4)
    for first in (-1, 17):
        out = run(op, IMAGE, BASE, spec.params(first, 4))
        expected = ops.occlusion_fill(IMAGE, spec, first, 4, base_value=tuple(BASE.tolist()))
        np.testing.assert_array_equal(out, expected)


def test_occlusion_sum(run):
    spec = OcclusionSpec((21, 34), (4, 5), (2, 3))
    drops = np.random.default_rng(0).random((3, spec.num_windows))
    maps = run(mindspore_primitives.occlusion_sum(spec.size), drops, spec.params(0, 0))
    np.testing.assert_array_equal(maps, ops.occlusion_sum(drops, spec))


def test_two_primitives_of_other_output_shapes_do_not_share_one():
    """MindSpore's pynative cache knows a primitive by its attributes, not by its output shape."""
    image, base, params = (ms.Tensor(a) for a in (IMAGE, BASE, SPEC.params(0, 2)))
    shapes = [
        mindspore_primitives.masked_product(n)(image, base, params).shape[0] for n in (4, 8, 2, 4)
    ]
    assert shapes == [4, 8, 2, 4]
    dtypes = [
        mindspore_primitives.masked_product(4, d)(image, base, params).dtype
        for d in (ms.float16, ms.float32)
    ]
    assert dtypes == [ms.float16, ms.float32]
    sizes = [
        mindspore_primitives.saliency_expand((n, n))(ms.Tensor(np.ones((1, 2, 2, 3, 3)))).shape
        for n in (5, 9)
    ]
    assert sizes == [(1, 5, 5), (1, 9, 9)]


def test_a_new_seed_does_not_compile_again():
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        cell = Wrap(mindspore_primitives.masked_product(5))
        image, base = ms.Tensor(IMAGE), ms.Tensor(BASE)
        for seed in range(4):
            spec = MaskSpec(seed, (21, 34))
            cell(image, base, ms.Tensor(spec.params(seed, 5)))
        assert len(cell.compile_cache) == 1
    finally:
        ms.set_context(mode=before)


def test_views_of_tensors_are_taken(run):
    turned = np.ascontiguousarray(IMAGE.transpose(0, 2, 1))
    op = mindspore_primitives.masked_product(2)
    view = ms.Tensor(turned).transpose(0, 2, 1)
    expected = ops.masked_product(IMAGE, SPEC, 0, 2, base_value=tuple(BASE.tolist()))
    out = op(view, ms.Tensor(BASE), ms.Tensor(SPEC.params(0, 2)))
    np.testing.assert_array_equal(out.asnumpy(), expected)


def test_a_native_module_in_a_path_with_a_colon_is_refused(monkeypatch):
    class Module:
        __file__ = "/a:b/_native.so"

    monkeypatch.setattr(mindspore_primitives, "native", lambda: Module)
    with pytest.raises(RuntimeError, match="colon"):
        mindspore_primitives.saliency_accumulate()
