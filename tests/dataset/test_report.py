"""``fastxai report``: a page of a directory of explanations."""

import base64
import html
import re
import sys

import mindspore as ms
import numpy as np
import pytest

import fastxai
from fastxai import models
from fastxai.cli import main
from fastxai.cli.batch import _command
from fastxai.dataset import Item
from fastxai.dataset import open as open_folder
from tests.dataset.conftest import SMALL, small_network
from tests.dataset.test_resume import HERE
from tests.report.pages import content_of

pytest.importorskip("jinja2")


@pytest.fixture
def report(tmp_path, capsys):
    """Runs the command on a directory; gives exit code, the page's entries and what is printed."""

    def run(folder="out", *options):
        page = tmp_path / "page.html"
        code = main(["report", str(tmp_path / folder), "-o", str(page), *options])
        out, err = capsys.readouterr()
        return code, content_of(page.read_bytes())["entries"] if page.exists() else None, out + err

    return run


def floats(found, name):
    return np.frombuffer(base64.b64decode(found[name]), "<f4").reshape(found["height"], -1)


def test_page_holds_every_map_and_error_of_the_directory(run, report, tmp_path):
    run(targets="top:2", uncertainty=True)
    code, entries, printed = report()
    assert (code, printed) == (0, f"10 pictures in {tmp_path / 'page.html'}\n")
    shown = {(entry["name"], each["target"]): each for entry in entries for each in entry["maps"]}
    rows = [row for row in open_folder(tmp_path / "out") if row["error"] is None]
    assert len(shown) == len(rows) == 18
    for row in rows:
        each = shown[row["id"], row["target"]]
        np.testing.assert_array_equal(floats(each, "values"), row["map"].astype(np.float32))
        assert (floats(each, "standardError") >= 0).all()
        assert each["probability"] == row["probability"]
        assert each["settings"]["run"]["seed"] == 0
    assert [entry["name"] for entry in entries if entry["error"]] == ["4.png"]
    assert (entries[0]["width"], entries[0]["height"]) == (16, 14)


def test_curves_of_the_rows_are_in_the_page(run, report, pictures, tmp_path):
    run(curves=True, dtype="float32")
    row = next(row for row in open_folder(tmp_path / "out") if row["id"] == "7.png")
    image = SMALL(Item("7", str(pictures / "7.png")))
    most = np.argsort(-row["map"].ravel(), kind="stable")[: round(144 * 5 / 20)]
    image.reshape(3, -1)[:, most] = 0
    logits = small_network()(ms.Tensor(image[None])).asnumpy()[0].astype(np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum()
    assert row["deletion"][5] == pytest.approx(softmax[row["target"]], rel=1e-5)
    assert row["insertion"][20] == pytest.approx(row["probability"], rel=1e-5)
    _, entries, _ = report()
    shown = next(entry for entry in entries if entry["name"] == "7.png")["maps"][0]
    assert shown["curves"] == {name: row[name] for name in ("deletion", "insertion")}


@pytest.mark.parametrize("kind", ["gradient", "function"])
def test_curves_of_gradients_and_functions_begin_with_the_probability(run, tmp_path, kind):
    colours = models.Callable(lambda batch: batch.mean(axis=(2, 3)), identity="mean colours")
    explainer = {
        "gradient": lambda: fastxai.Gradient(small_network()),
        "function": lambda: models.RISE(colours, "softmax", num_masks=32, seed=1),
    }[kind]()
    image = np.random.default_rng(0).normal(size=(3, 12, 12)).astype(np.float32)
    run(explainer=explainer, source=[("one", image, 1)], targets="given", curves=True)
    (row,) = open_folder(tmp_path / "out").rows()
    assert row["error"] is None
    assert row["deletion"][0] == pytest.approx(row["probability"], rel=1e-5)
    assert row["insertion"][-1] == pytest.approx(row["probability"], rel=1e-5)
    assert row["deletion"][-1] == pytest.approx(row["insertion"][0], rel=1e-5)
    assert len(set(row["deletion"])) > 15


def test_rows_without_curves_say_so(run, report, tmp_path):
    run()
    assert "curves" not in open_folder(tmp_path / "out").manifest["settings"]
    _, entries, _ = report()
    assert entries[0]["maps"][0]["curves"] == {}


def test_a_row_is_shown_in_a_notebook_over_its_picture(run, tmp_path):
    run(targets="top:2", uncertainty=True)
    found = open_folder(tmp_path / "out")
    rows = [row for row in found if row["id"] == "7.png"]
    for target, row in ((None, rows[0]), (rows[1]["target"], rows[1])):
        frame = found.row("7.png", target)._repr_html_()
        page = html.unescape(re.search(r'srcdoc="([^"]*)"', frame).group(1))
        (entry,) = content_of(page.encode())["entries"]
        (shown,) = entry["maps"]
        assert shown["target"] == row["target"]
        np.testing.assert_array_equal(floats(shown, "values"), row["map"].astype(np.float32))
        assert entry["photograph"].startswith("data:image/png")


def test_a_row_without_a_map_shows_its_error(run, tmp_path):
    run()
    frame = open_folder(tmp_path / "out").row("4.png")._repr_html_()
    assert "cannot read" in frame


def test_a_row_is_text_without_jinja2(run, tmp_path, monkeypatch):
    run()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert open_folder(tmp_path / "out").row("7.png")._repr_html_() is None


def test_rows_that_are_not_there_are_named(run, tmp_path):
    run()
    with pytest.raises(KeyError, match="nobody"):
        open_folder(tmp_path / "out").row("nobody")
    with pytest.raises(KeyError, match="77"):
        open_folder(tmp_path / "out").row("7.png", 77)


def test_batch_writes_the_page_too(pictures, tmp_path):
    page = tmp_path / "page.html"
    words = ["batch", str(pictures), "--model", f"{HERE / 'models.py'}:network", "--size", "12"]
    words += ["--num-masks", "64", "-o", str(tmp_path / "out"), "--report", str(page)]
    assert main(words) == 1  # a picture is broken
    assert len(content_of(page.read_bytes())["entries"]) == 10
    assert main([*words, "--shard", "0/2"]) == 2


def test_workers_write_no_page(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # else the command sets it
    words = ["batch", "pictures", "--report", "page.html", "--workers=2", "-o", "maps"]
    assert _command(words, 0, 2)[3:] == ["batch", "pictures", "-o", "maps", "--shard", "0/2"]


def test_pictures_without_a_file_show_their_maps_alone(run, report, pictures, tmp_path):
    draw = np.random.default_rng(0)
    run("arrays", source=[Item("an array", None, (), None, draw.random((3, 12, 12), np.float32))])
    _, entries, _ = report("arrays")
    assert entries[0]["photograph"] is None
    assert (entries[0]["width"], entries[0]["height"]) == (12, 12)
    run()
    (pictures / "2.png").unlink()
    _, entries, _ = report()
    gone = next(entry for entry in entries if entry["name"] == "2.png")
    assert gone["photograph"] is None
    assert gone["error"].startswith("the photograph is not shown: cannot read")
    assert len(gone["maps"]) == 1


def test_what_is_no_directory_of_explanations_is_refused(report, tmp_path):
    code, page, said = report("nowhere")
    assert (code, page) == (3, None)
    assert "fastxai report: error: FOLDER: " in said
    assert "has no manifest.json" in said


def test_page_replaces_no_picture(run, pictures, tmp_path, capsys):
    image = (pictures / "1.png").read_bytes()
    (pictures / "1.html").write_bytes(image)
    run(source=[Item("one", str(pictures / "1.html"))])
    assert main(["report", str(tmp_path / "out"), "-o", str(pictures / "1.html")]) == 2
    assert "is a picture, it would be overwritten" in capsys.readouterr().err
    assert (pictures / "1.html").read_bytes() == image


def test_files_of_the_page_do_not_go_into_the_directory(run, tmp_path, capsys):
    run("page_files")
    assert main(["report", str(tmp_path / "page_files"), "-o", str(tmp_path / "page.html")]) == 2
    assert "choose another name" in capsys.readouterr().err
