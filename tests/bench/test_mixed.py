"""What the benchmark of precision 'mixed' makes of runs."""

import pytest

from bench.quality import mixed


def run(seconds, noise, exact):
    return {"picture": 0, "seconds": seconds, "noise": noise, "exact": exact}


def test_the_gain_is_the_speed_times_the_noise_of_float32_over_its_own():
    runs = {
        "float32": [run(4.0, 0.02, 1.0), run(8.0, 0.04, 1.0)],
        "mixed": [run(2.0, 0.03, 0.25), run(4.0, 0.042, 0.75)],
    }
    base, other = mixed.summary(runs)
    assert (base["gain"], base["noise"], base["exact"]) == (1.0, 1.0, 1.0)
    assert other["speed"]["median"] == 2.0
    assert other["noise"] == pytest.approx(1.2)
    assert other["gain"] == pytest.approx(2 / 1.2)
    assert other["exact"] == 0.5


def test_a_processor_without_bfloat16_ends_it_with_a_reason(monkeypatch):
    monkeypatch.setattr(mixed, "machine", lambda: {"bfloat16": False})
    with pytest.raises(SystemExit, match="no bfloat16"):
        mixed.measure(None)
