"""A run over many images: rows, errors, targets, maps."""

import re
import sys

import mindspore as ms
import numpy as np
import pytest

import fastxai
from fastxai import models
from fastxai.dataset import ImageError, Item, OtherRunError
from fastxai.dataset import open as open_folder
from tests.dataset.conftest import SMALL, small_network, small_rise


def test_every_picture_has_a_row_and_a_broken_one_its_error(run, tmp_path):
    done = run()
    rows = open_folder(tmp_path / "out").rows()
    assert [row["id"] for row in rows] == [f"{number}.png" for number in range(10)]
    assert (done.images, done.failed) == (10, 1)
    assert "cannot read" in rows[4]["error"]
    assert rows[4]["target"] == -1
    assert all(row["error"] is None for row in rows if row["id"] != "4.png")


def test_a_map_is_that_of_a_call_of_its_own(run, pictures, tmp_path):
    run(dtype="float32")
    image = SMALL(Item("7", str(pictures / "7.png")))
    alone = small_rise()(ms.Tensor(image[None]), show=False).asnumpy()[0, 0]
    (found,) = open_folder(tmp_path / "out").maps("7.png").values()
    np.testing.assert_array_equal(found, alone)


def test_probability_is_the_softmax_of_the_networks_output(run, pictures, tmp_path):
    run(targets="top:2")
    image = SMALL(Item("7", str(pictures / "7.png")))
    logits = small_network()(ms.Tensor(image[None])).asnumpy()[0].astype(np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum()
    rows = [row for row in open_folder(tmp_path / "out").rows() if row["id"] == "7.png"]
    assert [row["target"] for row in rows] == np.argsort(-softmax)[:2].tolist()
    np.testing.assert_allclose([row["probability"] for row in rows], np.sort(softmax)[:-3:-1], 1e-5)


def test_score_statistics_of_windows_are_those_of_the_covered_pictures(run, tmp_path):
    images = [("one", np.random.default_rng(0).normal(size=(3, 12, 12)), 2)]
    occlusion = fastxai.Occlusion(small_network(), "softmax", engine="mindspore")
    run(explainer=occlusion, source=images, targets="given")
    (row,) = open_folder(tmp_path / "out").rows()
    assert 0 < row["score_mean"] < 1
    assert 0 < row["score_std"] < 0.5
    assert row["num_masks"] > 1
    assert row["seed"] is None


def test_a_function_of_arrays_is_explained_as_by_a_call_of_its_own(run, tmp_path):
    image = np.random.default_rng(0).normal(size=(3, 12, 12)).astype(np.float32)
    colours = models.Callable(lambda batch: batch.mean(axis=(2, 3)), identity="mean colours")
    for explainer in (
        models.RISE(colours, "softmax", num_masks=64, seed=1),
        models.Occlusion(colours, "softmax", window=4),
    ):
        name = type(explainer).__name__
        source = [("a", image, 2)]
        run(name, explainer, source, targets="given", dtype="float32")
        found = open_folder(tmp_path / name).maps("a")[2]
        np.testing.assert_array_equal(found, explainer(image[None], 2)[0, 0])


def test_a_list_gives_targets_and_labels(run, pictures, tmp_path):
    lines = "path,id,target,label\n0.png,a,1;3,2\n1.png,b,0,0\n2.png,c,9,1\n"
    (pictures / "list.csv").write_text(lines)
    done = run(source=pictures / "list.csv", targets="given")
    rows = open_folder(tmp_path / "out").rows()
    seen = [(row["id"], row["target"], row["label"]) for row in rows]
    assert seen == [("a", 1, 2), ("a", 3, 2), ("b", 0, 0), ("c", -1, 1)]
    assert "[0, 4)" in rows[-1]["error"]
    assert done.failed == 1


def test_only_pictures_whose_label_is_not_predicted_have_rows_under_differ(run, pictures, tmp_path):
    run("top")
    predicted = open_folder(tmp_path / "top").rows()[0]["predicted"]
    other = (predicted + 1) % 4
    lines = f"path,id,label\n0.png,right,{predicted}\n0.png,wrong,{other}\n"
    (pictures / "list.csv").write_text(lines)
    run("differ", source=pictures / "list.csv", targets="differ")
    rows = open_folder(tmp_path / "differ").rows()
    assert [(row["id"], row["target"]) for row in rows] == [("wrong", predicted), ("wrong", other)]


def test_strict_stops_at_the_first_failure_and_keeps_what_was_done(run, tmp_path):
    with pytest.raises(ImageError, match=r"4\.png: cannot read"):
        run(strict=True)
    assert len(list((tmp_path / "out" / ".rows").iterdir())) == 4
    assert run().images == 10


def test_images_of_two_sizes_lie_in_parts_of_their_own(run, tmp_path):
    draw = np.random.default_rng(0)
    sizes = [(12, 12), (6, 24), (12, 12)]
    images = [(str(n), draw.normal(size=(3, *size)), 1) for n, size in enumerate(sizes)]
    run(source=images, targets="given")
    found = open_folder(tmp_path / "out")
    assert [found.maps(str(n))[1].shape for n in range(3)] == sizes
    assert len(found.parts) == 2


def test_standard_errors_are_kept_on_request(run, tmp_path):
    run("without", explainer=small_rise(num_masks=512))
    run("with", explainer=small_rise(num_masks=512), uncertainty=True)
    without, sure = open_folder(tmp_path / "without"), open_folder(tmp_path / "with")
    assert all(row["standard_error"] is None for row in without)
    assert sure.maps("0.png", "standard_error").popitem()[1].shape == (12, 12)
    assert 0 < sure.rows()[0]["correlation"] <= 1


def test_a_backpropagating_explainer_works_too(run, tmp_path):
    run(explainer=fastxai.Gradient(small_network()), targets=1)
    assert all(row["num_masks"] == 0 for row in open_folder(tmp_path / "out").rows())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"targets": "best"}, "`targets` must be"),
        ({"targets": "top:0"}, "`targets` must be"),
        ({"targets": ["kat"], "class_names": [*"abcd"]}, "no class is called 'kat'"),
        ({"targets": [1, 4]}, "`targets` must be in [0, 4), got 4"),
        ({"dtype": "float64"}, "`dtype` must be"),
        ({"class_names": ["a"]}, "1 class names, the network has 4"),
        ({"source": []}, "there is no image"),
        ({"explainer": small_rise(seed=None)}, "has no seed"),
        ({"explainer": small_rise(perturbation_per_eval="auto")}, "give a number"),
    ],
)
def test_wrong_arguments_are_refused_in_words(run, settings, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        run(**settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"explainer": small_rise(weights=1)}, "another network"),
        ({"explainer": small_rise(seed=5)}, "seed 0, not 5"),
        ({"explainer": small_rise(num_masks=128)}, "num_masks 64, not 128"),
        ({"targets": "top:2"}, "targets"),
        ({"dtype": "float32"}, "dtype"),
    ],
)
def test_another_run_is_refused_with_what_differs(run, settings, words):
    run()
    with pytest.raises(OtherRunError, match=words):
        run(**settings)


def test_another_list_is_refused(run, pictures):
    run()
    (pictures / "9.png").unlink()
    with pytest.raises(OtherRunError, match="another list; images 10, not 9"):
        run()


def test_a_stream_with_other_ids_is_refused(run):
    image = np.zeros((3, 12, 12))
    run(source=[("a", image, 1)], targets="given")
    with pytest.raises(OtherRunError, match="'a' in block 0"):
        run(source=[("b", image, 1)], targets="given")


def test_pandas_has_the_maps(run, tmp_path):
    pytest.importorskip("pandas")
    run()
    frame = open_folder(tmp_path / "out").to_pandas()
    assert frame["map"][0].shape == (12, 12)
    assert frame["id"][9] == "9.png"


@pytest.mark.parametrize("words", ["No module named 'pyarrow'", "pyarrow requires NumPy 2.0"])
def test_a_pyarrow_that_cannot_be_imported_is_told_before_anything_is_scored(
    words, run, tmp_path, monkeypatch
):
    class Refused:
        @staticmethod
        def find_spec(name, *rest):
            if name.startswith("pyarrow"):
                raise ImportError(words)

    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refused, *sys.meta_path])
    called = []
    for call in (lambda: run(explainer=called.append), lambda: open_folder(tmp_path)):
        with pytest.raises(ImportError, match=rf"{words}.*pip install 'fastxai\[dataset\]'"):
            call()
    assert not called
    assert not (tmp_path / "out").exists()
