"""Specs and their parameter tensors."""

import numpy as np
import pytest

from fastxai.ops import MaskSpec, OcclusionSpec


def test_mask_params_layout():
    spec = MaskSpec(2**64 - 2, (20, 30), (3, 4), 0.25, (5, 6))
    assert spec.params(7, 8).tolist() == [-2, 7, 8, 3, 4, 2**30, 5, 6, 0, *[0] * 16]
    assert spec.params(7, 8).dtype == np.int64


def test_the_ninth_number_is_the_design():
    spec = MaskSpec(1, (20, 30), (3, 4), shift_range=(5, 6), design="oa128")
    assert spec.params(7, 8).tolist() == [1, 7, 8, 3, 4, 2**31, 5, 6, 1, *[0] * 16]


@pytest.mark.parametrize(("design", "number"), [("placed", 2), ("lattice", 3)])
def test_columns_follow_the_design_a_byte_for_each_cell(design, number):
    params = MaskSpec(1, (20, 30), design=design).params(0, 8)
    assert params[8] == number
    columns = [int(word) >> 8 * byte & 255 for word in params[9:] for byte in range(8)]
    assert columns[:12] == [46, 94, 66, 100, 88, 103, 90, 52, 54, 11, 64, 50]
    assert columns[99:] == [73, *[0] * 28]


def test_occlusion_params_layout():
    spec = OcclusionSpec((20, 30), (3, 4), (5, 6))
    assert spec.params(-1, 8).tolist() == [-1, 8, 3, 4, 5, 6]
    assert spec.grid == (4, 5)
    assert spec.num_windows == 20


def test_an_int_stands_for_both_axes():
    assert MaskSpec(0, 32, 7, 0.5, 3).up_size == (34, 34)


@pytest.mark.parametrize(
    ("kwargs", "error", "words"),
    [
        ({"seed": -1}, ValueError, "`seed` must be in"),
        ({"seed": 2**64}, ValueError, "`seed` must be in"),
        ({"seed": 1.5}, TypeError, "`seed` must be an int, got float"),
        ({"seed": True}, TypeError, "`seed` must be an int, got bool"),
        ({"size": (0, 3)}, ValueError, "`size` must be in"),
        ({"size": (3, 3, 3)}, TypeError, "`size` must be an int or a pair"),
        ({"grid": (0, 1)}, ValueError, "`grid` must be in"),
        ({"keep_probability": 1.1}, ValueError, r"in \[0, 1\], got 1.1"),
        ({"keep_probability": float("nan")}, ValueError, r"in \[0, 1\], got nan"),
        ({"keep_probability": "half"}, TypeError, "must be a float, got str"),
        ({"shift_range": (0, 1)}, ValueError, "`shift_range` must be in"),
        ({"design": 1}, TypeError, "`design` must be a str, got int"),
        ({"design": "sobol"}, ValueError, "`design` must be one of .*, got 'sobol'"),
        (
            {"design": "oa128", "keep_probability": 0.4},
            ValueError,
            "'oa128' needs `keep_probability` 0.5, got 0.4; use 'iid'",
        ),
        (
            {"design": "oa128", "grid": (8, 16)},
            ValueError,
            r"has columns for 127 cells and `grid` \(8, 16\) has 128; use 'iid'",
        ),
    ],
)
def test_mask_spec_refuses(kwargs, error, words):
    with pytest.raises(error, match=words):
        MaskSpec(**{"seed": 0, "size": (8, 8), **kwargs})


def test_occlusion_spec_refuses_a_window_larger_than_the_image():
    with pytest.raises(
        ValueError, match=r"`window` must fit into the image \(8, 8\), got \(9, 3\)"
    ):
        OcclusionSpec((8, 8), (9, 3), (1, 1))


def test_params_refuse_a_negative_first_mask():
    with pytest.raises(ValueError, match="`first` must be in"):
        MaskSpec(0, 8).params(-1, 4)


def test_an_index_that_could_overflow_is_refused():
    for spec in (MaskSpec(0, 8), OcclusionSpec((8, 8), 3, 1)):
        assert spec.params(2**62, 1)[0 if isinstance(spec, OcclusionSpec) else 1] == 2**62
        with pytest.raises(ValueError, match="`first` must be in"):
            spec.params(2**62 + 1, 1)
