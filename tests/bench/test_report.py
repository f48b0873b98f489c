"""Tables come from results, and only what is between markers changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import run
from bench.common import record, timing
from bench.common.machine import ROOT
from bench.report import pages as report
from bench.report.table import Column, Table, cell, pick, render

ABOUT: dict[str, Any] = {
    "made": "2026-01-02T03:04:05+00:00",
    "command": "python -m bench.micro.masked_product",
    "machine": {
        "cpu": "Processor",
        "family_model": "1/2",
        "usable_cores": 2,
        "memory_gib": 8.0,
        "kernel": "Linux 6",
    },
    "versions": {"python": "3.11", "mindspore": "2.10.0", "numpy": "1.26.4"},
    "commit": "0123456789abcdef",
    "dirty": False,
    "load_before": [0.1, 0, 0],
    "load_after": [0.2, 0, 0],
    "targets": [record.target("share", 0.9, 0.8, at_least=True)],
}


@pytest.fixture
def results() -> dict[str, dict[str, Any]]:
    row = {
        "threads": 1,
        "gb_per_s": {"masked_product": 30.0, "stream_fill": 40.0, "plain_fill": 41.0},
        "share_of_stream_fill": timing.summary([0.7, 0.75, 0.8]),
        "us_per_mask": 17.25,
    }
    return {"masked_product": {**ABOUT, "results": [row]}}


def test_a_table_replaces_what_was_between_its_markers(results: dict[str, Any]) -> None:
    page = "before\n<!-- bench:masked_product -->\nold\n<!-- /bench:masked_product -->\nafter\n"
    filled = report.fill(page, results)
    assert filled.startswith("before\n<!-- bench:masked_product -->\n")
    assert filled.endswith("<!-- /bench:masked_product -->\nafter\n")
    assert "old" not in filled
    assert "| 1 | 30.0 | 40.0 | 41.0 | 0.75 (0.72 to 0.78) | 17.2 |" in filled
    assert "commit 0123456789ab;" in filled


def test_filling_twice_changes_nothing(results: dict[str, Any]) -> None:
    page = "<!-- bench:masked_product -->\n<!-- /bench:masked_product -->\n"
    once = report.fill(page, results)
    assert report.fill(once, results) == once


def test_uncommitted_changes_are_said(results: dict[str, Any]) -> None:
    results["masked_product"]["dirty"] = True
    assert "with uncommitted changes" in report.text_of("masked_product", results)


def test_a_missing_result_names_its_command() -> None:
    assert "bench/run.py --suite memory`" in report.text_of("memory", {})
    assert "bench/run.py --suite explainers`" in report.text_of("readme", {})


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table 'speling'"):
        report.text_of("speling", {})


def test_a_missed_target_is_shown_as_missed(results: dict[str, Any]) -> None:
    results["masked_product"]["targets"] = [record.target("x", 0.5, 0.8, at_least=True)]
    assert "| x | at least 0.8 | 0.5 | **no** |" in report.text_of("targets", results)


def test_every_table_of_the_pages_exists() -> None:
    for name in report.PAGES:
        report.fill((ROOT / name).read_text(encoding="utf-8"), {})


def test_no_marker_of_the_pages_is_overlooked() -> None:
    for name in report.PAGES:
        page = (ROOT / name).read_text(encoding="utf-8")
        assert page.count("<!-- bench:") == len(report._MARKER.findall(page)), name


def test_results_that_do_not_exist_are_left_out(tmp_path: Path) -> None:
    assert report.load_results(tmp_path) == {}


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        ({"median": 2.0, "q1": 1.0, "q3": 4.0, "repeats": 5}, (".1f",), "2.0 (1.0 to 4.0)"),
        ({"median": 2.0, "q1": 2.0, "q3": 2.0, "repeats": 1}, (".1f",), "2.0"),
        ({"median": 512, "q1": 256, "q3": None}, (".0f", 1.0, 8192), "512 (256 to > 8192)"),
        (0.125, (".1f", 100.0), "12.5"),
        (7, (), "7"),
        ("word", (".1f",), "word"),
        (None, (".1f",), ""),
    ],
)
def test_a_cell_is_a_number_a_summary_a_text_or_empty(value, column, text):
    assert cell(value, Column("x", "x", *column)) == text


def test_a_path_that_ends_early_is_an_empty_cell():
    assert pick({"a": {"b": 3}}, "a.b") == 3
    assert pick({"a": {"b": 3}}, "a.c.d") is None


def test_notes_follow_the_rows_and_a_table_without_rows_is_nothing():
    table = Table("Title", "x", "rows", [Column("a", "a")], [lambda result: result["note"]])
    made = render(table, {"rows": [{"a": 1}], "note": "Extrapolated."})
    assert made == "**Title**\n\n| a |\n| --- |\n| 1 |\n\nExtrapolated.\n"
    assert render(table, {"rows": [], "note": ""}) == ""


def test_pages_and_charts_are_what_the_results_make_of_them():
    assert report.stale(report.load_results(record.RESULTS), write=False) == []


def test_every_result_is_of_a_benchmark_and_holds_no_raw_samples():
    for path in record.RESULTS.glob("*.json"):
        assert path.stem in {*run.BENCHMARKS, "gpu"}, path
        assert "each" not in path.read_text(encoding="utf-8")


def test_a_benchmark_prints_the_tables_of_its_result():
    compared, whole = report.tables_of(record.RESULTS / "libraries.json")
    assert "| explanation | by | s |" in compared
    assert "| RISE by | images/s |" in whole
