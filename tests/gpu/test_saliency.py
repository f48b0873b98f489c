"""Sums over scored masks, and their maps, of the CUDA ops."""

import numpy as np
import pytest

from fastxai import ops, reference
from fastxai.ops import MaskSpec, SaliencySums, cuda
from tests._compare import SUM64_RTOL, assert_close

SPECS = {
    "usual": MaskSpec(1, (32, 48)),
    "oa128": MaskSpec(2, (32, 48), design="oa128"),
    "placed": MaskSpec(2, (32, 48), design="placed"),
    "lattice": MaskSpec(2, (32, 48), (5, 7), design="lattice"),
    "no-shift": MaskSpec(3, (9, 7), (3, 5), 0.4, (1, 1)),
    "one-cell": MaskSpec(4, (5, 6), (1, 1), 0.5, (2, 1)),
    "fine": MaskSpec(5, (20, 30), (15, 16), 0.5, (2, 3)),
    "largest-oa128": MaskSpec(6, (20, 30), (1, 127), 0.5, (3, 2), "oa128"),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def scores_of(rows: int, classes: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(rows, classes)).astype(np.float32)


class Accumulators:
    """Sums of a device, empty at first."""

    def __init__(self, device, spec, targets):
        empty = SaliencySums.zeros(spec, targets)
        self.device = device
        self.spec = spec
        self.sums = device.put(empty.sums)
        self.moments = device.put(empty.moments)
        self.bad = device.empty((1,), "int64")

    def add(self, scores, first, **keywords):
        state = (self.sums, self.moments, self.bad)
        stream = self.device.stream
        cuda.saliency_accumulate(scores, self.spec, first, *state, stream=stream, **keywords)
        return int(self.device.get(self.bad)[0])

    def get(self):
        return self.device.get(self.sums), self.device.get(self.moments)


@every_spec
@pytest.mark.parametrize("rows", [1, 37, 300])
def test_sums_have_the_cpus_bits(device, spec, rows):
    scores = scores_of(rows, 3)
    on_cpu = SaliencySums.zeros(spec, 3)
    by_formula = SaliencySums.zeros(spec, 3)
    assert ops.saliency_accumulate(scores, spec, 126, on_cpu, backend="native") == -1
    ops.saliency_accumulate(scores, spec, 126, by_formula, backend="reference")
    assert_close(on_cpu.sums, by_formula.sums, atol=SUM64_RTOL, scale=np.abs(scores).sum())
    accumulators = Accumulators(device, spec, 3)
    assert accumulators.add(device.put(scores), 126) == -1
    sums, moments = accumulators.get()
    np.testing.assert_array_equal(sums, on_cpu.sums)
    np.testing.assert_array_equal(moments, on_cpu.moments)


@pytest.mark.parametrize("name", ["no-shift", "oa128"])
def test_more_masks_than_a_launch_takes(device, name):
    spec = SPECS[name]
    scores = scores_of(2100, 1)
    on_cpu = SaliencySums.zeros(spec, 1)
    ops.saliency_accumulate(scores, spec, 5, on_cpu, backend="native")
    accumulators = Accumulators(device, spec, 1)
    assert accumulators.add(device.put(scores), 5) == -1
    sums, moments = accumulators.get()
    np.testing.assert_array_equal(sums, on_cpu.sums)
    np.testing.assert_array_equal(moments, on_cpu.moments)


@every_spec
def test_batches_add_up_to_one_run(device, spec):
    scores = scores_of(200, 2)
    whole, pieces = Accumulators(device, spec, 2), Accumulators(device, spec, 2)
    whole.add(device.put(scores), 60)
    for start in range(0, 200, 67):
        pieces.add(device.put(scores[start : start + 67]), 60 + start)
    for one, other in zip(whole.get(), pieces.get(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_chosen_columns_and_rows_alone_are_summed(device):
    spec = SPECS["usual"]
    scores = scores_of(20, 6)
    scores[12:] = np.nan  # padding
    scores[:, 1] = np.inf  # a class nobody asked for
    columns = np.array([4, 0, 4])
    on_cpu = SaliencySums.zeros(spec, 3)
    ops.saliency_accumulate(scores[:12, columns], spec, 0, on_cpu)
    accumulators = Accumulators(device, spec, 3)
    assert accumulators.add(device.put(scores), 0, targets=device.put(columns), count=12) == -1
    sums, moments = accumulators.get()
    np.testing.assert_array_equal(sums, on_cpu.sums)
    np.testing.assert_array_equal(moments, on_cpu.moments)


@pytest.mark.parametrize("columns", [70, 3])
def test_many_targets(device, columns):
    spec = SPECS["no-shift"]
    scores = scores_of(9, columns)
    on_cpu = SaliencySums.zeros(spec, columns)
    ops.saliency_accumulate(scores, spec, 0, on_cpu)
    accumulators = Accumulators(device, spec, columns)
    assert accumulators.add(device.put(scores), 0) == -1
    np.testing.assert_array_equal(accumulators.get()[0], on_cpu.sums)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_score_that_is_not_finite_is_named_and_nothing_added(device, value):
    scores = scores_of(40, 2)
    scores[17, 1] = scores[30, 0] = value
    accumulators = Accumulators(device, SPECS["usual"], 2)
    assert accumulators.add(device.put(scores), 0) == 17
    sums, moments = accumulators.get()
    assert not sums.any()
    assert not moments.any()


def test_a_target_outside_the_scores_adds_nothing(device):
    accumulators = Accumulators(device, SPECS["usual"], 2)
    targets = device.put(np.array([1, 2]))
    assert accumulators.add(device.put(scores_of(8, 2)), 0, targets=targets) == -2
    assert not accumulators.get()[1].any()


def test_parameters_in_device_memory(device):
    spec = SPECS["oa128"]
    scores = scores_of(50, 1)
    on_cpu = SaliencySums.zeros(spec, 1)
    ops.saliency_accumulate(scores[:40], spec, 100, on_cpu)
    accumulators = Accumulators(device, spec, 1)
    accumulators.spec = device.put(spec.params(100, 40))
    assert accumulators.add(device.put(scores), 0) == -1
    np.testing.assert_array_equal(accumulators.get()[0], on_cpu.sums)
    accumulators.spec = device.put(SPECS["usual"].params(0, 51))  # more masks than rows
    assert accumulators.add(device.put(scores), 0) == -3
    np.testing.assert_array_equal(accumulators.get()[0], on_cpu.sums)


@every_spec
@pytest.mark.parametrize("targets", [0, 1, 3])
def test_maps_have_the_cpus_bits(device, spec, targets):
    shape = (targets, *spec.shift_range, *spec.grid)
    sums = np.random.default_rng(8).normal(size=shape)
    maps = device.empty((targets, *spec.size), "float64")
    numbers = cuda.saliency_expand_workspace(shape, spec.size)
    workspace = device.empty((numbers,), "float64")
    cuda.saliency_expand(device.put(sums), maps, workspace, stream=device.stream)
    on_cpu = ops.saliency_expand(sums, spec.size, backend="native")
    formula = reference.saliency_expand(sums, spec.size)
    assert_close(on_cpu, formula, atol=SUM64_RTOL, scale=max(np.abs(sums).sum(), 1))
    np.testing.assert_array_equal(device.get(maps), on_cpu)
    device.get(workspace)
