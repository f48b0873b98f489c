"""The arithmetic of the benchmarks. Nothing is timed here: clocks are counters."""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import pytest

from bench.common import record, timing


def test_quantile_interpolates_between_neighbours() -> None:
    assert timing.quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert timing.quantile([1.0, 2.0, 3.0], 0.0) == 1.0
    assert timing.quantile([1.0, 2.0, 3.0], 1.0) == 3.0
    assert timing.quantile([7.0], 0.25) == 7.0


@pytest.mark.parametrize(("samples", "share"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1)])
def test_quantile_refuses_what_has_none(samples: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        timing.quantile(samples, share)


def test_summary_of_known_samples() -> None:
    found = timing.summary([5.0, 1.0, 2.0, 4.0, 3.0])
    assert found == {"median": 3, "q1": 2, "q3": 4, "repeats": 5}


def test_a_slow_repeat_of_both_leaves_the_ratio() -> None:
    assert timing.ratios([2.0, 20.0], [1.0, 10.0]) == [2.0, 2.0]


def test_ratios_refuse_unequal_lengths() -> None:
    with pytest.raises(ValueError, match="zip"):
        timing.ratios([1.0], [1.0, 2.0])


def test_every_contender_comes_first_equally_often() -> None:
    orders = [timing.rotation("abc", repeat) for repeat in range(-3, 3)]
    assert [order[0] for order in orders].count("a") == 2
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)


def test_contenders_take_turns_and_warm_up_is_not_counted() -> None:
    calls: list[str] = []
    ticks = itertools.count()
    samples = timing.interleave(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")},
        2,
        warmup=1,
        clocks=(lambda: next(ticks), lambda: 0.0),
    )
    assert "".join(calls) == "baabba"
    assert samples.wall == {"a": [1, 1], "b": [1, 1]}
    assert samples.cpu == {"a": [0, 0], "b": [0, 0]}


def test_seconds_are_of_one_call() -> None:
    ticks = itertools.count(step=12)
    count = {"a": 0, "b": 0}

    def run(name: str) -> None:
        count[name] += 1

    samples = timing.interleave(
        {"a": lambda: run("a"), "b": lambda: run("b")},
        1,
        warmup=0,
        calls={"a": 3, "b": 4},
        clocks=(lambda: next(ticks), lambda: 0.0),
    )
    assert count == {"a": 3, "b": 4}
    assert samples.wall == {"a": [4.0], "b": [3.0]}


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"calls": 0}, {"warmup": -1}])
def test_interleave_refuses_numbers_below_the_least(wrong: dict[str, int]) -> None:
    options = {"repeats": 1, **wrong}
    with pytest.raises(ValueError, match="interleave"):
        timing.interleave({"a": lambda: None}, options.pop("repeats"), **options)


def test_short_contenders_are_called_as_long_as_the_slowest() -> None:
    now = [0.0]

    def spend(seconds: float) -> None:
        now[0] += seconds

    contenders = {"fast": lambda: spend(1.0), "slow": lambda: spend(10.0)}
    assert timing.equal_calls(contenders, timer=lambda: now[0]) == {"fast": 10, "slow": 1}
    longer = timing.equal_calls(contenders, least=30.0, timer=lambda: now[0])
    assert longer == {"fast": 30, "slow": 3}


@pytest.mark.parametrize(
    ("measured", "at_least", "met"),
    [(0.8, True, True), (0.79, True, False), (0.8, False, True), (0.81, False, False)],
)
def test_a_target_includes_its_bound(measured: float, at_least: bool, met: bool) -> None:
    assert record.target("x", measured, 0.8, at_least=at_least)["met"] is met


def test_header_names_machine_versions_and_commit() -> None:
    about = record.header()
    assert about["machine"]["cores"] >= 1
    assert {"python", "numpy", "mindspore", "mindspore-xai"} <= set(about["versions"])
    assert isinstance(about["dirty"], bool)
    assert len(about["load_before"]) == 3


def test_written_results_are_read_back(tmp_path: Path) -> None:
    line = record.target("speed", 2.0, 1.0, at_least=True)
    about = {"made": "2026-01-01", "command": "x"}
    options = argparse.Namespace(n=1, results=tmp_path / "new", peer_python="/here")
    found = record.Outcome([1, 2], ["fine"], [line], settings={"more": 2}, raw=[[3.0]])
    path = record.write(options, "case", about, found)
    assert json.loads((tmp_path / "new" / "raw" / "case.json").read_text()) == [[3.0]]
    found = json.loads(path.read_text())
    assert path.name == "case.json"
    assert found["results"] == [1, 2]
    assert found["targets"] == [line]
    assert found["checks"] == ["fine"]
    assert found["settings"] == {"n": 1, "more": 2}


def test_results_are_written_in_lines_of_eight_digits(tmp_path: Path) -> None:
    rows = [{"name": "x" * 30, "value": 1 / 3, "more": [2.0, 3]}] * 5
    options = argparse.Namespace(results=tmp_path)
    text = record.write(options, "case", {}, record.Outcome(rows)).read_text()
    line = f'{{"name": "{"x" * 30}", "value": 0.33333333, "more": [2.0, 3]}}'
    assert text.count(f"  {line}") == 5
    assert max(map(len, text.splitlines())) <= 120


def test_options_of_a_benchmark_become_a_command_line() -> None:
    options = {
        "masks": record.Option(256),
        "modes": record.Option(["pynative", "graph"], choices=["pynative", "graph"]),
        "no_peer": record.Option(False, "leave it out"),
        "peer_python": record.Option(None),
    }
    parser = record.parser("What it measures.", options)
    given = ["--masks", "8", "--modes", "graph", "--no-peer", "--peer-python", "p"]
    assert parser.parse_args([]).modes == ["pynative", "graph"]
    parsed = vars(parser.parse_args(given))
    parsed.pop("results")
    assert parsed == {"masks": 8, "modes": ["graph"], "no_peer": True, "peer_python": "p"}


def test_a_benchmark_that_yields_is_written_each_time(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--results", str(tmp_path), "--masks", "3"])
    seen = []

    def measure(options):
        yield record.Outcome([options.masks])
        seen.append(json.loads((tmp_path / "x3.json").read_text())["results"])
        yield record.Outcome([options.masks, 4])

    options = {"masks": record.Option(2)}
    record.main(lambda options: f"x{options.masks}", None, options, measure)
    assert seen == [[3]]
    assert json.loads((tmp_path / "x3.json").read_text())["results"] == [3, 4]
