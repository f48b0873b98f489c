"""Images explained side by side by an engine: the bits of one after the other."""

import os
import threading

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

import fastxai
from fastxai.dataset import ImageError, Item, files, pipeline
from fastxai.dataset import open as open_folder
from tests.dataset.conftest import SMALL, small_network, small_rise
from tests.dataset.test_resume import content

pytest.importorskip("openvino")


@pytest.fixture
def cores(monkeypatch):
    """Sets the cores that a run takes itself to have."""
    monkeypatch.setattr("fastxai.engine.callers.default_threads", lambda: 0)
    return lambda number: monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(number))


@pytest.fixture
def rise():
    return fastxai.RISE(small_network(), nn.Softmax(), num_masks=192, seed=0, engine="openvino")


def test_rows_do_not_depend_on_the_images_at_a_time(run, rise, cores, tmp_path, monkeypatch):
    threads = set()
    explain = pipeline._Callers._explain

    def noted(self, *arguments):
        threads.add(threading.current_thread().name)
        return explain(self, *arguments)

    monkeypatch.setattr(pipeline._Callers, "_explain", noted)
    for number in (1, 2, 3):
        cores(number)
        run(str(number), rise)
        assert len(threads) <= 3
    assert threads
    one, two, three = (content(tmp_path / str(number)) for number in (1, 2, 3))
    assert one == two == three


def test_maps_are_those_of_calls_of_their_own(run, rise, cores, pictures, tmp_path):
    cores(2)
    run("out", rise, dtype="float32")
    found = open_folder(tmp_path / "out")
    for row in found.rows():
        if row["error"] is None:
            image = SMALL(Item(row["id"], row["path"]))
            alone = rise(ms.Tensor(image[None]), row["target"], show=False).asnumpy()[0, 0]
            np.testing.assert_array_equal(found.maps(row["id"])[row["target"]], alone)


def test_probabilities_are_mindspores_whatever_the_neighbours(run, rise, cores, pictures, tmp_path):
    cores(2)
    run("all", rise)
    run("mindspore", small_rise(num_masks=192))
    images = {row["id"]: row for row in open_folder(tmp_path / "all").rows()}
    for row in open_folder(tmp_path / "mindspore").rows():
        seen = images[row["id"]]
        assert seen["error"] == row["error"]
        np.testing.assert_allclose(seen["probability"], row["probability"], rtol=1e-5)
        assert seen["target"] == row["target"]
    for name in ("0.png", "3.png", "7.png"):  # the others keep their places
        (pictures / name).write_bytes(b"no picture")
    run("less", rise)
    for row in open_folder(tmp_path / "less").rows():
        if row["error"] is None:
            assert row["probability"] == images[row["id"]]["probability"]


def test_a_run_that_failed_goes_on_to_the_same_rows(run, rise, cores, tmp_path, monkeypatch):
    cores(2)
    run("whole", rise)
    finish = files.Folder.finish

    def full(self, block, *arguments):
        if block == 1:
            raise OSError(28, "No space left on device")
        finish(self, block, *arguments)

    monkeypatch.setattr(files.Folder, "finish", full)
    with pytest.raises(OSError, match="No space"):
        run("cut", rise)
    monkeypatch.undo()
    cores(2)
    assert run("cut", rise).images == 10
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_strict_ends_the_images_that_are_being_explained(run, rise, cores):
    cores(3)
    with pytest.raises(ImageError, match=r"4\.png: cannot read"):
        run(explainer=rise, strict=True)
    assert run(explainer=rise).images == 10


def test_limits_of_threads_are_put_back(run, rise, cores):
    from fastxai.engine.callers import callers
    from fastxai.ops.native import thread_limit

    before = callers(), thread_limit()
    cores(2)
    run(explainer=rise)
    assert (callers(), thread_limit()) == before


@pytest.mark.parametrize(("named", "number"), [(3, 3), (0, 5)])
def test_omp_num_threads_limits_a_run(cores, monkeypatch, named, number):
    cores(5)
    monkeypatch.setattr("fastxai.engine.callers.default_threads", lambda: named)
    assert pipeline.cores() == number


def test_chosen_scores_are_made_of_the_class_scores(run, cores, tmp_path):
    def of_first(outputs):
        assert threading.current_thread() is threading.main_thread()
        return np.stack([outputs[:, 0], 2 * outputs[:, 1]], axis=1)

    of_first.identity = "first"
    cores(2)
    network = small_network()
    settings = {"num_masks": 192, "seed": 0, "engine": "openvino"}
    run("chosen", fastxai.RISE(network, nn.Softmax(), score=of_first, **settings), targets=[0, 1])
    run("classes", fastxai.RISE(network, nn.Softmax(), **settings), targets=[0, 1])
    rows = zip(
        *(open_folder(tmp_path / name).rows() for name in ("chosen", "classes")), strict=True
    )
    for chosen, plain in rows:
        if chosen["error"] is None:
            factor = 1 + chosen["target"]
            np.testing.assert_allclose(chosen["probability"], factor * plain["probability"], 1e-5)
