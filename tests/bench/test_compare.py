"""Verdicts of bench.compare on made-up results."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from bench.common import compare, timing


def median(value: float) -> dict[str, float]:
    return timing.summary([value])


@pytest.fixture
def result() -> dict[str, Any]:
    row = {
        "op": "mask_grid", "size": 224, "written_bytes": 8, "ceiling": "plain_fill",
        "seconds": {"mask_grid": median(2.0), "plain_fill": median(1.0)},
        "share_of_ceiling": median(0.5), "us_per_mask": 7.0,
    }  # fmt: skip
    rates = {"model": "net", "made": "today", "engines": {"openvino": {"images_per_s": median(8)}}}
    return {
        "name": "made_up",
        "machine": {"cpu": "Processor", "family_model": "1/2", "usable_cores": 2},
        "settings": {"batch": 32, "repeats": 21},
        "results": [row, rates],
    }


def verdict(tmp_path: Path, old: Any, new: Any, *options: str) -> int:
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, document in zip(paths, (old, new), strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    return compare.main([*map(str, paths), *options])


def with_seconds(result: dict[str, Any], name: str, value: float) -> dict[str, Any]:
    changed = copy.deepcopy(result)
    changed["results"][0]["seconds"][name] = median(value)
    return changed


def test_equal_results_pass(tmp_path, result, capsys):
    assert verdict(tmp_path, result, result) == 0
    assert "3 cases, 0 slower than 1.2 times" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "code"), [(2.4, 0), (2.5, 1), (0.1, 0)])
def test_a_time_past_the_limit_fails(tmp_path, result, seconds, code):
    assert verdict(tmp_path, result, with_seconds(result, "mask_grid", seconds)) == code


def test_the_limit_can_be_stated(tmp_path, result):
    new = with_seconds(result, "mask_grid", 2.5)
    assert verdict(tmp_path, result, new, "--limit", "1.3") == 0
    assert verdict(tmp_path, result, new, "--limit", "1.1") == 1


def test_a_lower_rate_is_slower(tmp_path, result, capsys):
    new = copy.deepcopy(result)
    new["results"][1]["engines"]["openvino"]["images_per_s"] = median(4)
    assert verdict(tmp_path, result, new) == 1
    text = capsys.readouterr().out
    assert "openvino / images_per_s | 8 | 4 | 2.000 | **slower** |" in text
    new["results"][1]["engines"]["openvino"]["images_per_s"] = median(16)
    assert verdict(tmp_path, result, new) == 0


def test_a_slower_ceiling_is_shown_and_does_not_fail(tmp_path, result, capsys):
    assert verdict(tmp_path, result, with_seconds(result, "plain_fill", 9.0)) == 0
    assert "plain_fill | 1 | 9 | 9.000 | not ours |" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        (("seconds", "fastxai_s"), True),
        (("peer_s",), False),
        (("bare_s",), False),
        (("explainer=rise library=peer", "seconds"), False),
        (("explainer=rise library=ours", "seconds"), True),
        (("explainer=rise contender=captum", "seconds"), False),
        (("explainer=rise contender=fastxai mindspore float32", "seconds"), True),
        (("mindspore float32", "images_per_s"), False),
        (("openvino float32", "images_per_s"), True),
    ],
)
def test_only_fastxai_s_own_figures_can_fail(path, ours):
    assert compare.is_ours(path) is ours


def test_shares_and_derived_figures_are_no_cases(result):
    names = [name for name, _ in compare.figures(result["results"])]
    assert len(names) == 3
    assert not any("share" in name or "us_per" in name for name in names)


def test_cases_of_one_result_are_named(tmp_path, result, capsys):
    new = copy.deepcopy(result)
    new["results"][1]["model"] = "other"
    assert verdict(tmp_path, result, new) == 0
    text = capsys.readouterr().out
    assert "model=net / engines / openvino / images_per_s: only in the old result" in text
    assert "model=other / engines / openvino / images_per_s: only in the new result" in text


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", "another"),
        ("machine", {"cpu": "Other", "family_model": "1/2", "usable_cores": 2}),
        ("machine", {"cpu": "Processor", "family_model": "1/2", "usable_cores": 4}),
        ("settings", {"batch": 64, "repeats": 21}),
        ("results", [{"op": "another", "seconds": 1.0}]),
        ("results", []),
    ],
)
def test_results_that_mean_something_else_are_refused(tmp_path, result, part, value, capsys):
    assert verdict(tmp_path, result, {**result, part: value}) == 2
    assert "cannot be compared" in capsys.readouterr().err


def test_more_repeats_are_no_other_settings(tmp_path, result):
    assert verdict(tmp_path, result, {**result, "settings": {"batch": 32, "repeats": 5}}) == 0


@pytest.mark.parametrize("document", [[], {"results": []}, 3])
def test_what_is_no_result_is_refused(tmp_path, result, document):
    assert verdict(tmp_path, result, document) == 2


def test_text_that_is_no_json_is_refused(tmp_path):
    for name in ("old.json", "new.json"):
        (tmp_path / name).write_text("{", encoding="utf-8")
    assert compare.main([str(tmp_path / "old.json"), str(tmp_path / "new.json")]) == 2


def test_results_without_times_alone_cannot_be_compared(tmp_path, result):
    without = {**result, "results": [{"beyond_bytes": 3}]}
    assert verdict(tmp_path, without, without) == 2


def folder(path: Path, documents: dict[str, Any]) -> str:
    path.mkdir()
    for name, document in documents.items():
        (path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_folders_are_compared_by_file_name(tmp_path, result, capsys):
    memory = {**result, "results": [{"beyond_bytes": 3}]}
    old = folder(tmp_path / "old", {"a": result, "b": result, "memory": memory})
    slow = with_seconds(result, "mask_grid", 9.0)
    new = folder(tmp_path / "new", {"a": slow, "c": result, "memory": memory})
    assert compare.main([old, new]) == 1
    text = capsys.readouterr().out
    assert f"b.json: only in {old}, not compared" in text
    assert f"c.json: only in {new}, not compared" in text
    assert "3 cases, 1 slower" in text


def test_a_refused_file_outweighs_a_slow_one(tmp_path, result):
    slow = with_seconds(result, "mask_grid", 9.0)
    old = folder(tmp_path / "old", {"a": result, "b": result})
    assert compare.main([old, folder(tmp_path / "new", {"a": slow, "b": []})]) == 2


def test_a_file_and_a_folder_or_nothing_in_common_are_refused(tmp_path, result):
    old = folder(tmp_path / "old", {"a": result})
    other = folder(tmp_path / "other", {"b": result})
    assert compare.main([old, other]) == 2
    assert compare.main([old, f"{old}/a.json"]) == 2
    assert compare.main([old, str(tmp_path / "nowhere")]) == 2
