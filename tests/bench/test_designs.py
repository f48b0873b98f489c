"""Noise and gains of the benchmark of designs."""

import numpy as np
import pytest

from bench.quality import designs, digits
from bench.report.quality import TABLES
from bench.report.table import render


def test_noise_is_that_of_the_correlation():
    exact = np.array([[-1.0, 1.0], [-1.0, 1.0]])
    across = np.array([[-1.0, -1.0], [1.0, 1.0]])
    assert digits.noise(3 * exact + 7, exact) == pytest.approx(0.0, abs=1e-12)
    # Signal and noise of variances 1 and 1/4: rho^2 = 0.8.
    assert digits.noise(exact + 0.5 * across, exact) == pytest.approx(0.25)


def test_gains_are_ratios_of_mean_noises_and_their_geometric_mean():
    noises = {
        ("iid", "centred"): {"a": [1.0, 3.0], "b": [4.0, 4.0]},
        ("oa128", "plain"): {"a": [1.0, 1.0], "b": [1.0, 0.0]},
    }
    base, other = designs.gains(noises)
    assert base["gain"] == base["least"] == base["most"] == 1.0
    assert other["gain"] == pytest.approx(4.0)  # of 2 and 8
    assert (other["least"], other["most"]) == (2.0, 8.0)


def test_the_table_has_a_column_for_each_number_of_masks():
    kind = {"design": "iid", "estimator": "plain", "gain": 0.24, "least": 0.1, "most": 0.4}
    results = [{"masks": number, "kinds": [kind]} for number in (512, 2048)]
    made = render(TABLES["designs"], {"results": results})
    assert "| design | estimator | 512 masks | 2048 masks |" in made
    assert "| `iid` | `plain` | 0.24 (0.10 to 0.40) | 0.24 (0.10 to 0.40) |" in made


def test_every_kind_of_map_can_be_estimated():
    from fastxai.ops import MaskSpec

    for design, estimator in designs.KINDS:
        spec = MaskSpec(0, (12, 9), design=design)
        scores = np.random.default_rng(0).random((300, 2))
        first, last = digits.maps_after([256, 300], scores, spec, estimator)
        assert first.shape == last.shape == (2, 12, 9)
        alone = digits.maps_after([300], scores, spec, estimator)[0]
        np.testing.assert_allclose(last, alone, rtol=1e-9)
