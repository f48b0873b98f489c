"""Every fault planted into fastxai's Ascend kernels is caught by the emulator."""

import numpy as np
import pytest

from fastxai.ops import MaskSpec, OcclusionSpec
from tests.ascend._emulator import (
    KERNELS,
    KernelError,
    Library,
    build,
    emulator_sources,
    op_sources,
)
from tests.ascend._faults import FAULTS, write_faulty
from tests.ascend._ops import accumulate_inputs, occlusion_inputs, product_inputs

# So that a core has items of more than one tile.
CORES = {"masked_product": 3, "saliency_accumulate": 3, "occlusion": 2}
IMAGE = np.random.default_rng(0).normal(size=(3, 97, 61)).astype(np.float32)
BASE = np.array([0.5, -1.0, 2.0], np.float32)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """All wrong kernels, and the right op_host."""
    folder = tmp_path_factory.mktemp("faults")
    wrong = {write_faulty(op, folder): ["-Wno-unused", "-O0"] for op in KERNELS}
    build({**wrong, **op_sources(), **emulator_sources()}, folder / "faults.so")
    return Library(folder / "faults.so")


def case_of(op):
    """Name, inputs and number of outputs of a call that touches every part of a kernel."""
    if op == "masked_product":
        spec = MaskSpec(5, (97, 61))
        return "FastxaiMaskedProduct", product_inputs(IMAGE, BASE, spec, 0, 9), 1
    if op == "occlusion":
        spec = OcclusionSpec((97, 61), (30, 20), (7, 9))
        return "FastxaiOcclusionFill", occlusion_inputs(IMAGE, BASE, spec, -1, 9), 1
    spec = MaskSpec(5, (97, 61), (5, 5), 0.5, (2, 2))
    scores = np.random.default_rng(0).random((9, 3)).astype(np.float32)
    return "FastxaiSaliencyAccumulate", accumulate_inputs(scores, spec, 0, 9), 2


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.entry)
def test_a_planted_fault_is_caught(faulty, fault):
    op, inputs, outputs = case_of(fault.op)
    with pytest.raises(KernelError, match=fault.message):
        faulty.call(op, inputs, outputs=outputs, kernel=fault.entry, cores=CORES[fault.op])


@pytest.mark.parametrize("op", KERNELS)
def test_the_kernel_without_a_fault_passes_the_same_call(faulty, op):
    name, inputs, outputs = case_of(op)
    made = faulty.call(name, inputs, outputs=outputs, cores=CORES[op])
    assert all(np.isfinite(out).all() for out in made)
