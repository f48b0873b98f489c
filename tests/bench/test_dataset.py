"""The benchmarks of data sets see what they are to see."""

import pytest

pytest.importorskip("pyarrow")

from bench.dataset import scale, throughput


@pytest.mark.slow
def test_a_leak_of_a_run_is_seen_and_a_run_without_one_is_bounded():
    bounded = scale.memory(1500)["growth_bytes"]
    leaking = scale.memory(1500, leak=50_000)["growth_bytes"]
    assert bounded < scale.MOST_GROWTH
    assert leaking - bounded > 0.8 * 1350 * 50_000  # of the images after the first tenth


def test_the_simulated_clock_says_how_long_busy_workers_take():
    row = scale.driver(images=640, workers=5, rate=0.5)
    assert row["blocks"] == 64  # of 10 images, 20 seconds each: 13 rounds of 5 workers
    assert row["run_seconds"] == 13 * 20
    assert set(row["seconds"]) == {"list", "manifest", "blocks"}


def test_merging_is_timed_of_parts_that_are_written():
    row = scale.merging(size=8, blocks=1, rate=0.5)
    assert row["part_bytes"] > 64 * 8 * 8
    assert row["share"] == row["seconds"]["merge"] * 0.5 / 64


@pytest.mark.slow
def test_a_case_compares_the_bits_and_counts_both(monkeypatch):
    pytest.importorskip("openvino")
    name = "demo, 8 pictures"
    make, images, _, _ = throughput.CASES[name]
    monkeypatch.setitem(throughput.CASES, name, (make, images, 128, 2))
    row = throughput.case_of(name, 1)
    assert (row["images"], row["masks"]) == (2, 128)
    assert set(row["images_per_s"]) == {"loop", "dataset"}
