"""Interrupted runs go on, in any number of processes, to the same rows."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

import fastxai
from fastxai.dataset import files, job, open, writing
from fastxai.perturbation.one_image import OneImage
from tests.dataset import killed_twice
from tests.dataset.conftest import small_network, small_rise

HERE = Path(__file__).parent


def content(folder):
    """Rows with maps as bytes; without the seconds that they took."""
    return list(killed_twice.content(open(folder)))


def test_an_interrupted_run_goes_on_to_the_same_rows(run, tmp_path, monkeypatch):
    run("whole")
    calls, explain = [], job.Job.explain

    def interrupted(self, *arguments):
        calls.append(arguments)
        rows = explain(self, *arguments)
        if len(calls) in (1, 4, 9):  # the first image has a state with all of it
            raise KeyboardInterrupt
        return rows

    monkeypatch.setattr(job.Job, "explain", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run("cut")
    done = run("cut")
    assert done.images == 10
    assert len(calls) == 13
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_shards_make_the_files_of_one_process(run, tmp_path):
    images = [(f"{n}", np.full((3, 12, 12), n / 9.0), None) for n in range(10)]
    source = [images[n % 10] for n in range(10)]
    run("whole", source=source)
    for index in range(3):
        run("shards", source=source, shard=(index, 3))
    assert content(tmp_path / "shards") == content(tmp_path / "whole")


def test_a_full_disk_stops_the_run_and_what_is_written_stays_valid(run, tmp_path, monkeypatch):
    run("whole")
    finish = files.Folder.finish

    def full(self, block, *arguments):
        if block == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finish(self, block, *arguments)

    monkeypatch.setattr(files.Folder, "finish", full)
    with pytest.raises(OSError, match="No space left"):
        run("full")
    assert len(content(tmp_path / "full")) == 8  # the block that was done
    monkeypatch.undo()
    run("full")
    assert content(tmp_path / "full") == content(tmp_path / "whole")


def test_ranges_of_masks_merge_to_the_bits_of_one_run():
    image = Tensor(np.random.default_rng(0).normal(size=(1, 3, 12, 12)).astype(np.float32))
    occlusion = fastxai.Occlusion(small_network(), "softmax", 8, engine="mindspore")
    for explainer in (small_rise(num_masks=600), occlusion):
        one = OneImage(explainer, image, False)
        total, batch = one.cuts()
        cuts = range(0, total, 2 * batch)
        parts = [one.score_range([1, 3], first, min(2 * batch, total - first)) for first in cuts]
        alone = explainer(image, [[1, 3]], show=False).asnumpy()[0]
        merged = one.merge([1, 3], parts)
        np.testing.assert_array_equal(merged.saliency.astype(np.float32), alone)
        assert len(parts) > 2


@pytest.mark.slow
def test_a_command_that_is_killed_twice_makes_the_rows_of_one_that_is_not(tmp_path):
    others, rows = killed_twice.compare(tmp_path, 40)
    assert (others, rows) == (0, 40)


def test_rows_wait_for_their_block_a_second_and_no_longer(tmp_path, monkeypatch):
    folder, now, written = files.Folder(tmp_path, "float32"), [0.0], []
    monkeypatch.setattr(writing.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(folder, "keep_rows", lambda index, rows: written.append(index))
    monkeypatch.setattr(folder, "finish", lambda block, indices, rows: written.append(sorted(rows)))
    writer = writing.Writer(folder)
    for second, index in ((0.0, 0), (0.5, 1), (1.0, 2)):
        now[0] = second
        writer._take((index, []))
    assert written == [0]
    writer._take((0, 0, [None] * 3))
    assert written == [0, [1, 2]]
    with writer:
        writer.keep(3, [])
    assert written == [0, [1, 2], 3]


def test_an_error_of_the_thread_that_writes_is_the_runs(tmp_path):
    writer = writing.Writer(files.Folder(tmp_path / "out", "float32"))
    with pytest.raises(ValueError, match="'id' is declared non-nullable"), writer:
        writer.keep(0, [{"map": None}])
