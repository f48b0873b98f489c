"""Tables of engines and of other libraries."""

import argparse

import numpy as np
import pytest

from bench.common import timing
from bench.peers import engines, files, libraries, over_bare
from bench.report import pages as report
from bench.report import peers
from bench.report.table import render
from tests.bench.test_report import ABOUT


def table(name, result):
    return render(peers.TABLES[name], result)


def rate(value):
    return timing.summary([value])


@pytest.fixture
def measured():
    found = {
        "mindspore float32": {"images_per_s": rate(10.0), "speedup": rate(1.0)},
        "openvino float32": {"images_per_s": rate(31.0), "speedup": rate(3.1), "error": 4.7e-7},
        "openvino bfloat16": {"failed": "no such instructions"},
    }
    about = {"load_before": [2.4, 3.0, 3.0], "cpu": "Intel(R) Xeon(R) Processor"}
    rows = [
        {"model": "resnet50", "family": "resnet", "engines": found, **about},
        {"model": "hrnet_w32", "not_exported": "the operator InplaceAddExt cannot be exported"},
        {"model": "odd", "failed": "MindSpore cannot run it"},
    ]
    return {**ABOUT, "results": [{"family": row["model"], **row} for row in rows]}


def test_a_network_that_was_exported_is_a_row_of_speeds_and_errors(measured):
    made = table("engines", measured)
    assert "| resnet50 | Intel | 2 | 10.0 | 31.0, 3.1×, 5e-07 |  | no such instructions |" in made
    assert "hrnet" not in made


def test_a_network_that_was_not_timed_is_a_row_of_errors(measured):
    measured["results"][0]["engines"] = {"onnxruntime float32": {"error": 2e-6}}
    assert "| resnet50 | Intel | 2 |  |  | 2e-06 |  |" in table("engines", measured)


def test_families_count_once_and_by_their_worst_network_on_its_best_engine(measured):
    engines = {"openvino float32": {"error": 3e-3}, "onnxruntime float32": {"error": 2e-5}}
    wide = {"model": "wide_resnet50", "family": "resnet", "engines": engines}
    coarse = {"model": "vit", "family": "vit", "engines": {"openvino bfloat16": {"error": 1e-5}}}
    measured["results"] += [wide, coarse]
    made = report.text_of("families", {"engines": measured})
    assert "Of 4 families of MindCV, 1 run on" in made
    assert "errors of at most 2e-05" in made


def test_networks_that_were_not_exported_are_listed_with_the_reason(measured):
    made = table("engines_refused", measured)
    assert "| hrnet_w32 | the operator InplaceAddExt cannot be exported |" in made
    assert "| odd | MindSpore cannot run it |" in made
    assert "resnet50" not in made


def test_the_readme_says_it_of_one_network(measured):
    made = report.text_of("readme_engines", {"engines": measured})
    assert "31 images/s instead of MindSpore's 10, 3.1 times as many" in made


def test_the_readme_without_that_network_names_the_command(measured):
    measured["results"] = measured["results"][1:]
    assert "--suite engines" in report.text_of("readme_engines", {"engines": measured})
    assert "--suite engines" in report.text_of("readme_engines", {})


def test_results_of_an_earlier_run_are_kept_in_order():
    before = [{"model": "vgg16", "at": 1}, {"model": "resnet50", "at": 1}]
    rows = [{"model": "resnet50", "at": 2}, {"model": "of no family", "at": 2}]
    joined = engines._joined(before, rows)
    assert [(row["model"], row["at"]) for row in joined] == [
        ("resnet50", 2),
        ("vgg16", 1),
        ("of no family", 2),
    ]


def test_versions_beyond_the_usual_are_named(measured):
    measured["versions"] = {**ABOUT["versions"], "openvino": "2026.4"}
    assert "openvino 2026.4, NumPy 1.26.4;" in report.text_of("engines", {"engines": measured})


def turn(contender, seconds, times, over=None):
    return {
        "explainer": "rise",
        "contender": contender,
        "title": contender,
        "images": 256,
        "seconds": rate(seconds),
        "times_peer": rate(times),
        "over_bare": rate(over) if over else None,
        "setup_s": 2.0,
        "error": 1e-7,
    }


@pytest.fixture
def compared():
    turns = [
        turn("fastxai openvino float32", 5.0, 3.2, 1.01),
        turn("fastxai openvino bfloat16", 2.5, 6.4, 1.05),
        turn("mindspore_xai", 16.0, 1.0),
        {**turn("torch", 4.0, 4.0), "fastxai_times": rate(0.8)},
    ]
    installed = [{"explainer": "rise", "images_per_s": 0.2}]
    results = {"turns": turns, "installed": installed}
    return {**ABOUT, "results": results, "settings": {"default_masks": 6000}}


def test_whole_explanations_are_rows(compared):
    made = table("peers", compared)
    assert (
        "| RISE, 256 images | fastxai openvino float32 | 5.0 | 3.20 |  | 1.010 | 2.0 | 1e-07 |"
        in made
    )
    assert "| RISE, 256 images | torch | 4.0 | 4.00 | 0.80 |  | 2.0 | 1e-07 |" in made


def test_more_masks_are_extrapolated_and_compared_with_the_peer_as_installed(compared):
    made = table("peers_whole", compared)
    assert "| fastxai openvino float32 | 51.2 | 117 | 256 |" in made


def test_readme_names_both_precisions(compared):
    assert report.text_of("readme_peers", {"libraries": compared}) == (
        "Where OpenVINO scores the same ResNet50, RISE is 3.2 times as fast as mindspore_xai with "
        "the variable and 256 times as fast as it is installed (extrapolated); in bfloat16 6.4 "
        "times as fast as mindspore_xai with the variable and 512 times as fast as it is installed "
        "(extrapolated).\n"
    )


def test_targets_are_missed_where_someone_else_is_faster(compared):
    met = {line["what"]: line["met"] for line in libraries.make_targets(compared["results"])}
    assert met.pop("rise, fastxai openvino float32: times the speed of torch") is False
    as_installed = "times mindspore_xai as installed, extrapolated"
    assert met.pop(f"rise, fastxai openvino float32: {as_installed}") is False
    assert met.pop(f"rise, fastxai openvino bfloat16: {as_installed}") is True
    assert set(met.values()) == {True}
    assert len(met) == 2


def test_bare_passes_are_rows():
    row = turn("fastxai openvino float32", 22.0, 3.2, 1.012)
    made = table("over_bare", {"results": [row]})
    assert "| RISE, 256 images | fastxai openvino float32 | 22.0 | 1.012 |" in made


def test_without_bfloat16_the_other_figures_are_said(compared):
    compared["results"]["turns"].pop(1)
    said = [line["what"] for line in libraries.make_targets(compared["results"])]
    assert said
    assert not any("bfloat16" in what for what in said)
    assert "bfloat16" not in report.text_of("readme_peers", {"libraries": compared})


def of_file(contender, seconds, over=None, times=None):
    row = {**turn(contender, seconds, 1.0, over), "title": contender}
    return {**row, "fastxai_times": rate(times)} if times else row


def test_files_are_held_against_bare_engines_and_other_libraries():
    rows = [
        of_file("fastxai openvino", 5.0, 1.012),
        of_file("fastxai onnxruntime", 6.0, 1.04),
        of_file("dianna", 9.0, times=1.5),
        of_file("captum", 4.0, times=0.8),
    ]
    made = table("files", {"results": rows})
    assert "| RISE, 256 images | fastxai openvino | 5.0 | 1.012 |  | 2.0 |" in made
    assert "| RISE, 256 images | dianna | 9.0 |  | 1.50 | 2.0 |" in made
    met = {line["what"]: line["met"] for line in files.make_targets(rows)}
    assert met == {
        "rise, fastxai openvino: time over the engine's bare passes": True,
        "rise, fastxai onnxruntime: time over the engine's bare passes": False,
        "rise, dianna: times fastxai's time": True,
        "rise, captum: times fastxai's time": False,
    }


def test_maps_of_another_class_or_network_are_noticed():
    ours = np.linspace(0.1, 0.3, 12).reshape(3, 4)
    maps = {"fastxai openvino": ours, "fastxai onnxruntime": ours, "dianna": ours[::-1] * 2}
    assert len(files.map_checks("rise", maps)) == 2
    with pytest.raises(AssertionError, match="dianna: the mean of its map is off by 30"):
        files.map_checks("rise", {**maps, "dianna": ours * 2.6})
    drops = {"fastxai openvino": ours, "captum": -2 * ours}
    assert len(files.map_checks("occlusion", drops)) == 1
    with pytest.raises(AssertionError, match="captum: its map is off"):
        files.map_checks("occlusion", {**drops, "captum": 2 * ours[::-1]})


def test_bare_passes_are_those_of_the_engines_that_are_asked_for():
    asked = argparse.Namespace(peer_python=None, torch_python=None, openvino_xai_python=None)
    everyone = libraries.entries(asked)
    taking = {
        name for name, entry in everyone.items() if over_bare.wanted(name, entry, ["openvino"])
    }
    assert "fastxai openvino float32" in taking
    assert not {"fastxai onnxruntime float32", "fastxai mindspore float32", "openvino_xai"} & taking
    named = {"network": "lite0", "bfloat16": False}, {"network": "resnet50", "bfloat16": True}
    names = [over_bare.result_name(argparse.Namespace(**options)) for options in named]
    assert names == ["over_bare_lite0", "over_bare_bfloat16"]
