"""The emulator runs a kernel that was written for hardware: MindSpore's AllFinite, unchanged."""

import numpy as np
import pytest

from tests.ascend._emulator import KernelError, Library, all_finite_source, build, emulator_sources

SOURCE = all_finite_source()
pytestmark = pytest.mark.skipif(SOURCE is None, reason="MindSpore's wheel has no all_finite.cpp")

# What its tiling calls the types of element, and the bits of infinity and of the largest number.
TYPES = {
    "float32": (0, np.uint32, 0x7F800000, 0x7F7FFFFF),
    "float16": (1, np.uint16, 0x7C00, 0x7BFF),
    "bfloat16": (27, np.uint16, 0x7F80, 0x7F7F),
}
NAN = {"float32": 0x7FC00001, "float16": 0x7E01, "bfloat16": 0x7FC1}
PER_COPY = 512  # elements that a block takes at a time


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """AllFinite on the emulator."""
    path = tmp_path_factory.mktemp("all_finite") / "all_finite.so"
    build({SOURCE: ["-Wno-unused-parameter"], **emulator_sources()}, path)
    return Library(path)


def tiling_of(elements: int, blocks: int, kind: int, item: int) -> np.ndarray:
    """Fourteen numbers: what a block takes and in which copies, the same for the last block."""
    each = elements // blocks // PER_COPY * PER_COPY
    last = elements - each * (blocks - 1)
    numbers = []
    for count in (each, last):
        loops = -(-count // PER_COPY)
        real = count - (loops - 1) * PER_COPY
        whole = 256 // item  # what Compare takes
        tail = -(-real // whole) * whole
        pad = -real % (32 // item)
        numbers.append([count, PER_COPY, tail, loops, real, pad])
    return np.array([*numbers[0], *numbers[1], 1, kind], np.uint32)


def flag_of(library, data, kind, *, blocks=4, seed=0):
    """What the kernel says of the data: 0 where all are finite."""
    found = np.zeros(32, np.uint8)  # it writes a whole block of 32 bytes
    tiling = tiling_of(len(data), blocks, kind, data.itemsize)
    # Nothing in it waits between Duplicate and DataCopyPad: CANN compiles it with automatic waits.
    library.run(
        "all_finite", [data], [found], tiling, blocks, hazards="insert", write_once=False, seed=seed
    )
    return int(found[0])


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("elements", [4 * PER_COPY, 9 * PER_COPY + 37])
def test_all_finite_finds_no_fault_in_finite_numbers(library, dtype, elements):
    kind, bits, _, largest = TYPES[dtype]
    data = np.random.default_rng(0).integers(0, largest, elements).astype(bits)
    assert flag_of(library, data, kind) == 0


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("place", [0, 700, 2 * PER_COPY, 9 * PER_COPY + 36])
def test_all_finite_finds_one_infinity_or_nan_wherever_it_is(library, dtype, place):
    kind, bits, infinity, largest = TYPES[dtype]
    sign = 1 << (8 * np.dtype(bits).itemsize - 1)
    for value in (infinity, infinity | sign, NAN[dtype]):
        data = np.full(9 * PER_COPY + 37, largest, bits)
        data[place] = value
        assert [flag_of(library, data, kind, seed=seed) for seed in range(3)] == [1, 1, 1]


def test_all_finite_relies_on_waits_that_it_does_not_state(library):
    data = np.zeros(9 * PER_COPY + 37, np.uint32)
    tiling = tiling_of(len(data), 4, 0, 4)
    with pytest.raises(KernelError, match="pipe V"):
        library.run("all_finite", [data], [np.zeros(32, np.uint8)], tiling, 4, write_once=False)
