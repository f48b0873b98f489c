"""The tables of bilinear taps that devices take."""

import numpy as np
import pytest

from fastxai import reference
from fastxai.ops.bilinear import bilinear_taps
from tests._compare import EPS32


@pytest.mark.parametrize(("cells", "up"), [(10, 234), (1, 7), (7, 5), (3, 1), (5, 5), (997, 3001)])
def test_taps_make_the_matrix_of_the_reference(cells, up):
    taps = bilinear_taps(cells, up)
    matrix = np.zeros((up, cells))
    for side in range(2):
        np.add.at(matrix, (np.arange(up), taps.cells[side]), taps.weights[side])
    np.testing.assert_allclose(matrix, reference.bilinear_matrix(cells, up), atol=8 * EPS32)


def test_weights_are_in_0_to_1_and_sum_to_1_where_float32_can():
    taps = bilinear_taps(10, 234)
    assert taps.weights.min() >= 0
    assert taps.weights.max() <= 1
    np.testing.assert_allclose(taps.weights.sum(axis=0), 1, atol=EPS32)
    assert taps.cells.dtype == np.int32
    assert taps.weights.dtype == np.float32


def test_edges_are_clamped():
    taps = bilinear_taps(4, 16)
    assert taps.cells[:, 0].tolist() == [0, 1]
    assert taps.weights[:, 0].tolist() == [1.0, 0.0]
    assert taps.cells[:, -1].tolist() == [3, 3]
