"""``fastxai explain`` with an error bar, with a rule to stop, and with a state."""

import errno
import os
import re

import numpy as np
import pytest
from PIL import Image

from fastxai.explainer import RISE
from fastxai.masks.stopping import LEAST_MASKS
from tests.cli.conftest import HERE, fails


def test_map_and_error_bar_stand_side_by_side(explain, files):
    result = explain("--uncertainty", "--num-masks", 300)
    assert (result.code, result.err) == (0, "")
    assert re.search(
        r"^correlation +0\.\d{4} with the map of infinitely many masks \(predicted\)$",
        result.out,
        re.MULTILINE,
    )
    with Image.open(files / "out.png") as picture:
        scale = -(-224 // 24)
        assert picture.size == (2 * 24 * scale, 16 * scale + 24)
        left, right = np.split(np.asarray(picture)[24:], 2, axis=1)
    assert np.abs(left.astype(int) - right).max() > 50


@pytest.mark.parametrize("options", [["--tol", "0.6"], ["--tol", "0.9999", "--max-masks", "600"]])
def test_auto_stops_by_itself_or_at_the_ceiling(explain, files, options):
    result = explain("--num-masks", "auto", *options, "--npy", files / "map.npy")
    assert result.code == 0
    masks = int(re.search(r"^rise +(\d+) masks in ", result.out, re.MULTILINE)[1])
    assert masks == 512 if "0.6" in options else masks == 600
    assert "correlation" in result.out
    assert np.load(files / "map.npy").shape == (16, 24)


def test_auto_is_the_default(explain):
    result = explain("--tol", "0.6", "--explainer", "rise")
    assert re.search(r"^rise +512 masks in ", result.out, re.MULTILINE)
    assert "correlation" in result.out


def test_without_either_there_is_no_line_and_the_picture_is_one(explain, files):
    result = explain()
    assert "correlation" not in result.out
    with Image.open(files / "out.png") as picture:
        assert picture.size == (24, 16)


def test_a_state_is_kept_and_gone_on_with(explain, files):
    state = files / "run.npz"
    first = explain("--state", state, "--npy", files / "a.npy")
    again = explain("--state", state, "--npy", files / "b.npy")
    assert "masks/s" in first.out
    line = r"^rise +64 masks, with those of --state; \d+\.\d s in this run$"
    assert re.search(line, again.out, re.MULTILINE)
    assert (first.code, again.code) == (0, 0)
    np.testing.assert_array_equal(np.load(files / "a.npy"), np.load(files / "b.npy"))
    other = explain("--state", state, "--seed", 1)
    fails(other, 2, f"--state: {state} is of a run with seed 0, and this one has 1; remove it")


def test_a_state_that_cannot_be_written_is_a_wrong_argument(explain, files):
    nowhere = files / "no folder" / "run.npz"
    result = explain("--state", nowhere)
    fails(result, 2, f"--state: there is no folder {nowhere.parent}")


def test_a_full_disk_at_the_beginning_is_told_of_the_state(explain, files, monkeypatch):
    def full(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.chdir(files)
    monkeypatch.syspath_prepend(HERE)
    result = explain("--state", "run.npz")
    fails(result, 2, "--state: run.npz: No space left on device")
    assert not (files / "run.npz").exists()


def test_a_disk_that_fills_up_is_one_line(explain, files, monkeypatch):
    path, calls = files / "run.npz", []

    def full_later(number):
        calls.append(number)
        if len(calls) == 3:  # after the file and its folder at the beginning
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full_later)
    result = explain("--state", path, "--num-masks", 32)
    assert result.code == 0
    assert path.read_bytes()[:2] == b"PK"
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("fastxai explain: warning: RISE: `state` ")
    assert "No space left on device" in result.err


def test_a_file_that_the_network_misses_is_not_the_states_fault(explain, files, monkeypatch):
    def missing(*arguments, **options):
        raise FileNotFoundError(2, "No such file or directory", "table.txt")

    monkeypatch.setattr(RISE, "__call__", missing)
    result = explain("--state", files / "run.npz")
    fails(result, 4, "the explanation failed: FileNotFoundError: [Errno 2] No such file")


def test_the_least_ceiling_is_that_of_the_rule_to_stop(explain):
    words = f"argument --max-masks: must be in [{LEAST_MASKS}, 2147483647], got {LEAST_MASKS - 1}"
    fails(explain("--num-masks", "auto", "--max-masks", str(LEAST_MASKS - 1)), 2, words)
    assert explain("--num-masks", "auto", "--max-masks", str(LEAST_MASKS)).code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--num-masks", "some"], "argument --num-masks: must be a whole number, got 'some'"),
        (["--num-masks", "auto", "--tol", "1"], "argument --tol: must be in (0, 1), got 1.0"),
        (["--num-masks", "auto", "--tol", "x"], "argument --tol: must be a number, got 'x'"),
        (["--tol", "0.9"], "--tol: only with --num-masks auto"),
        (["--max-masks", "600"], "--max-masks: only with --num-masks auto"),
        (["--explainer", "occlusion", "--uncertainty"], "--uncertainty: only for rise or riseplus"),
        (["--explainer", "gradient", "--state", "f"], "--state: only for rise, riseplus or occl"),
    ],
)
def test_refuses(explain, options, words):
    fails(explain(*options), 2, words)
