"""What the benchmark of RISEPlus's designs makes of maps."""

import numpy as np
import pytest

from bench.quality import riseplus_designs
from bench.report.quality import TABLES
from bench.report.table import render


def test_noise_of_pairs_is_its_variance_over_the_maps():
    # Orthogonal patterns of variance 1: a signal, and noise of variance 1/4 in each map.
    signal = np.array([[1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]])
    first = np.array([[1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 1.0, -1.0]])
    second = np.array([[1.0, 1.0, -1.0, -1.0], [1.0, 1.0, -1.0, -1.0]])
    maps = [3 * (signal + 0.5 * first) + 7, signal + 0.5 * second]
    assert riseplus_designs.pair_noise(maps) == pytest.approx(0.25)
    third = signal - 0.5 * first  # against the first map the noise has the other sign
    expected = (0.25 + 0.25 + (1.25 / 0.75 - 1)) / 3
    assert riseplus_designs.pair_noise([*maps, third]) == pytest.approx(expected)


def test_the_table_names_the_gain_and_its_spread():
    rows = [
        {"noise": {"iid": 0.25, "oa128": 0.125}, "gain": 2.0},
        {"noise": {"iid": 1.0, "oa128": 0.125}, "gain": 8.0},
    ]
    settings = {"masks": 1024, "pictures": 2}
    result = {"results": riseplus_designs.summary(rows), "settings": settings}
    made = render(TABLES["riseplus_designs"], result)
    assert "| 1024 | 2 | 0.650 | 0.889 | 4.00 (2.00 to 8.00) |" in made
