"""The emulator refuses what hardware would do wrong, and lets right kernels through."""

import numpy as np
import pytest

from tests.ascend._emulator import EMULATOR, KernelError, Library, build, emulator_sources

BROKEN = {
    "waits_for_ever": "waits for ever",
    "sets_a_flag_twice": "set twice",
    "leaves_a_flag": "nobody waits",
    "has_two_pipes": "two TPipe",
    "has_65_buffers": "more than 64 buffers",
    "has_nine_buffers_in_queues": "9 queue buffers from pipe MTE2 to pipe V",
    "compares_40_floats": "no multiple of 256 bytes",
    "pads_more_than_a_block": "padding of more than 32 bytes",
    "copies_4096_pieces": "blockCount 4096 is above 4095",
    "overlaps_in_part": "overlaps the result in part",
    "takes_from_an_empty_queue": "empty queue",
    "allocates_twice": "none of the 1 buffers",
    "frees_twice": "used after EnQue or FreeTensor",
    "frees_into_another_queue": "another queue",
    "reads_a_vector_result_at_once": "GetValue on pipe S: a write by pipe V",
    "computes_with_a_scalar_just_set": "Adds on pipe V: a write by pipe S",
    "reads_what_nobody_wrote": "never written",
    "gathers_inside_an_element": "inside an element",
    "writes_to_its_input": "writes to its input",
    "reads_its_output": "reads from its output",
    "runs_over_a_global_tensor": "runs over a global tensor",
    "starts_inside_an_element": "starts inside an element",
    "writes_nothing": "byte 0 of 256 is never written",
    "writes_twice": "written twice",
    "leaks_a_tensor": "never freed",
    "overwrites_before_the_copy": "Duplicate on pipe V: a read by pipe MTE3",
    "reads_past_its_tiling": "word 1 of a tiling of 1",
    "takes_another_tensor_for_its_tiling": "what is not the kernel's tiling",
    "runs_on_cube_cores": "a kernel on cube cores",
    "computes_before_the_copy": "Adds on pipe V: a write by pipe MTE2",
}
SOUND = ["doubles_with_queues", "doubles_with_flags", "doubles_with_barriers"]


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The small kernels of rules.cpp."""
    path = tmp_path_factory.mktemp("rules") / "rules.so"
    build({EMULATOR / "rules.cpp": ["-O0"], **emulator_sources()}, path)
    return Library(path)


def run(rules, kernel, **options):
    """The output of a kernel for 0, 1, 2, ... 63."""
    numbers = np.arange(64, dtype=np.float32)
    out = np.zeros(64, np.float32)
    rules.run(kernel, [numbers], [out], np.zeros(1, np.uint32), 1, **options)
    return out


@pytest.mark.parametrize("kernel", BROKEN)
def test_a_broken_rule_is_named(rules, kernel):
    with pytest.raises(KernelError, match=BROKEN[kernel]):
        run(rules, kernel)


@pytest.mark.parametrize("hazards", ["fault", "insert", "ignore"])
@pytest.mark.parametrize("kernel", SOUND)
def test_a_kernel_that_keeps_the_rules_runs(rules, kernel, hazards):
    np.testing.assert_array_equal(run(rules, kernel, hazards=hazards), 2.0 * np.arange(64))


def test_a_copy_out_is_late_where_nothing_waits_for_it(rules):
    out = run(rules, "overwrites_before_the_copy", hazards="ignore")
    assert (out == 2.0).all(), "the copy must not be done when it is issued"


def test_a_copy_in_is_late_where_nothing_waits_for_it(rules):
    out = run(rules, "computes_before_the_copy", hazards="ignore")
    assert np.isnan(out).all(), "what a copy brings must not be there before somebody waits"


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("overwrites_before_the_copy", np.ones(64)),
        ("computes_before_the_copy", 1.0 + np.arange(64)),
    ],
)
def test_automatic_waits_make_both_right(rules, kernel, expected):
    np.testing.assert_array_equal(run(rules, kernel, hazards="insert"), expected)
