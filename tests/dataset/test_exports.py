"""Exports: what other tools read is what the rows hold."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from fastxai.cli import main
from fastxai.dataset import Frame, Item, Preprocess
from fastxai.dataset import open as open_folder
from tests.dataset.conftest import SMALL

h5py = pytest.importorskip("h5py")
zarr = pytest.importorskip("zarr")


@pytest.fixture
def found(run, tmp_path):
    """Ten pictures, one of them broken, the two highest classes of each with error bars."""
    run(targets="top:2", uncertainty=True, class_names=["ant", "bee", "cat", "dog"])
    return open_folder(tmp_path / "out")


@pytest.fixture
def two_sizes(run, tmp_path):
    """Two arrays of different sizes and no class names."""
    draw = np.random.default_rng(5)
    images = [
        (name, draw.random((3, *size)).astype(np.float32), 1)
        for name, size in (("a", (8, 6)), ("b", (5, 9)))
    ]
    from fastxai import models

    colours = models.Callable(lambda batch: batch.mean(axis=(2, 3)), identity="mean colours")
    run(
        "sizes",
        explainer=models.RISE(colours, "softmax", num_masks=32, seed=1, grid_size=3),
        source=images,
        targets="given",
    )
    return open_folder(tmp_path / "sizes")


# ---- Zarr ------------------------------------------------------------------------------


def test_zarr_holds_every_map_and_column(found, tmp_path):
    assert found.to_zarr(tmp_path / "maps.zarr") == 19
    group, rows = zarr.open_group(tmp_path / "maps.zarr", mode="r"), list(found)
    assert group.attrs["manifest"] == found.manifest
    for name in ("map", "standard_error"):
        assert group[name].shape == (19, 12, 12)
        assert group[name].dtype == np.float16
    for place, row in enumerate(rows):
        for name in ("map", "standard_error"):
            if row[name] is None:
                assert np.isnan(group[name][place]).all()
            else:
                assert np.array_equal(group[name][place], row[name])
    assert list(group["id"][:]) == [row["id"] for row in rows]
    assert list(group["class_name"][:]) == [row["class_name"] or "" for row in rows]
    assert list(group["target"][:]) == [row["target"] for row in rows]
    np.testing.assert_array_equal(group["probability"][:], [row["probability"] for row in rows])
    assert list(group["label"][:]) == [-1] * 19
    assert group["map"].attrs["_ARRAY_DIMENSIONS"] == ["row", "y", "x"]


def test_zarr_pads_smaller_maps(two_sizes, tmp_path):
    two_sizes.to_zarr(tmp_path / "maps.zarr")
    group, rows = zarr.open_group(tmp_path / "maps.zarr", mode="r"), list(two_sizes)
    assert group["map"].shape == (2, 8, 9)
    for place, row in enumerate(rows):
        height, width = group["height"][place], group["width"][place]
        assert (height, width) == row["map"].shape
        whole = group["map"][place]
        assert np.array_equal(whole[:height, :width], row["map"])
        assert np.isnan(whole).sum() == 72 - height * width


def test_zarr_is_written_in_several_chunks(found, tmp_path, monkeypatch):
    monkeypatch.setattr("fastxai.dataset.exports.zarr._CHUNK", 3 * 12 * 12 * 2)
    told = []
    found.to_zarr(tmp_path / "maps.zarr", progress=lambda done, total: told.append((done, total)))
    group = zarr.open_group(tmp_path / "maps.zarr", mode="r")
    assert group["map"].chunks == (3, 12, 12)
    assert told == [(done, 19) for done in (3, 6, 9, 12, 15, 18, 19)]
    assert np.array_equal(group["map"][18], list(found)[18]["map"])


# ---- ViRelAy ---------------------------------------------------------------------------


def test_virelay_databases_hold_pictures_maps_and_classes(found, tmp_path):
    assert found.to_virelay(tmp_path / "project") == 18
    rows = [row for row in found if row["error"] is None]
    with (
        h5py.File(tmp_path / "project" / "input.h5") as inputs,
        h5py.File(tmp_path / "project" / "attribution.h5") as attributions,
    ):
        assert (inputs["data"].shape, inputs["data"].dtype) == ((18, 3, 12, 12), np.float32)
        assert inputs["label"].dtype == attributions["label"].dtype == np.uint16
        assert list(attributions["index"]) == list(range(18))
        assert list(attributions["label"]) == [row["target"] for row in rows]
        assert list(inputs["label"]) == [row["predicted"] for row in rows]
        for place, row in enumerate(rows):
            with Image.open(row["path"]) as picture:
                seen = np.asarray(picture.resize((12, 12), Image.Resampling.BILINEAR))
            np.testing.assert_allclose(inputs["data"][place] * 255, seen.transpose(2, 0, 1), 1e-6)
            summed = attributions["attribution"][place].sum(axis=0)
            np.testing.assert_allclose(summed, row["map"].astype(np.float32), 1e-6)
        scores = attributions["prediction"][:]
        assert scores.shape == (18, 4)
        pair = {row["target"]: row["probability"] for row in rows[:2]}
        wanted = [pair.get(number, 0) for number in range(4)]
        np.testing.assert_allclose(scores[:2], [wanted, wanted], 1e-6)


def test_virelay_project_names_its_files_and_classes(found, tmp_path):
    found.to_virelay(tmp_path / "project")
    project = json.loads((tmp_path / "project" / "project.yaml").read_text())["project"]
    files = [project["dataset"]["path"], *project["attributions"]["sources"], project["label_map"]]
    assert all((tmp_path / "project" / name).is_file() for name in files)
    assert project["attributions"]["attribution_method"] == "RISE"
    labels = json.loads((tmp_path / "project" / project["label_map"]).read_text())
    assert [(each["index"], each["name"]) for each in labels] == [
        (0, "ant"),
        (1, "bee"),
        (2, "cat"),
        (3, "dog"),
    ]


def test_virelay_takes_the_label_where_every_picture_has_one(run, pictures, tmp_path):
    items = [Item(f"{n}", str(pictures / f"{n}.png"), label=n) for n in (1, 2, 3)]
    run("labelled", source=items, targets="label")
    open_folder(tmp_path / "labelled").to_virelay(tmp_path / "project")
    with h5py.File(tmp_path / "project" / "input.h5") as inputs:
        assert list(inputs["label"]) == [1, 2, 3]


def test_virelay_has_groups_where_sizes_differ(two_sizes, tmp_path):
    rows = {row["id"]: row for row in two_sizes}
    pixels = {name: np.full((*row["map"].shape, 3), 51, np.uint8) for name, row in rows.items()}
    two_sizes.to_virelay(tmp_path / "project", pixels_of=pixels.get)
    order = [row["id"] for row in two_sizes.rows()]
    classes = 1 + max(max(row["target"], row["predicted"]) for row in rows.values())
    with (
        h5py.File(tmp_path / "project" / "input.h5") as inputs,
        h5py.File(tmp_path / "project" / "attribution.h5") as attributions,
    ):
        for key, name in zip(inputs["data"], order, strict=True):
            values = rows[name]["map"].astype(np.float32)
            np.testing.assert_allclose(attributions["attribution"][key][:].sum(0), values, 1e-6)
            assert (inputs["data"][key][:] == np.float32(0.2)).all()
            assert attributions["label"][key][()] == 1
            assert attributions["prediction"][key].shape == (classes,)


def test_virelay_asks_for_pixels_of_arrays_and_checks_them(two_sizes, tmp_path):
    with pytest.raises(ValueError, match="'a' has no file; give `pixels_of`"):
        two_sizes.to_virelay(tmp_path / "project")
    with pytest.raises(ValueError, match=r"pixels of 'a' must be uint8 of shape \(8, 6, 3\)"):
        two_sizes.to_virelay(tmp_path / "project", pixels_of=lambda name: np.zeros((2, 2, 3)))
    assert not list(tmp_path.glob("*project*"))


# ---- FiftyOne --------------------------------------------------------------------------


class _Label:
    """Keeps what it is given, as the labels of FiftyOne do."""

    def __init__(self, **fields):
        vars(self).update(fields)


class _Sample(dict):
    def __init__(self, filepath):
        super().__init__()
        self.filepath = filepath


@pytest.fixture
def fiftyone(monkeypatch):
    """The package, or where it is not there (it takes a gigabyte) what the export uses of it."""
    try:
        import fiftyone as there
    except ImportError:
        there = ModuleType("fiftyone")
        there.Sample = _Sample
        there.Heatmap = there.Classification = _Label
        monkeypatch.setitem(sys.modules, "fiftyone", there)
    return there


def test_fiftyone_has_a_sample_for_every_picture(found, fiftyone, pictures):
    samples = found.to_fiftyone()
    rows = list(found)
    assert [sample.filepath for sample in samples] == [
        str(pictures / f"{number}.png") for number in range(10)
    ]
    for sample, row in zip(samples[:2], (rows[0], rows[2]), strict=True):
        heat = sample["saliency"]
        values = row["map"].astype(np.float32)
        assert np.array_equal(heat.map, values)
        assert heat.range == [values.min(), values.max()]
        assert (heat.target, heat.label) == (row["target"], row["class_name"])
        assert heat.probability == row["probability"]
        assert sample["prediction"].label == row["class_name"]
        assert sample["prediction"].confidence == row["probability"]
    assert np.array_equal(samples[0]["saliency_2"].map, rows[1]["map"].astype(np.float32))
    assert "cannot read" in samples[4]["error"]


def test_fiftyone_lays_a_map_over_the_whole_photograph(run, pictures, tmp_path, fiftyone):
    """16 by 14 pixels become 24 by 21, of whose middle 12 by 12 are seen."""
    cut = Preprocess(Frame((21,), (12, 12)), SMALL.mean, SMALL.std)
    run("cut", source=[Item("one", str(pictures / "1.png"))], preprocess=cut)
    explained = open_folder(tmp_path / "cut")
    (row,), (sample,) = list(explained), explained.to_fiftyone()
    whole = sample["saliency"].map
    assert whole.shape == (21, 24)
    assert np.array_equal(whole[4:16, 6:18], row["map"].astype(np.float32))
    whole[4:16, 6:18] = whole[0, 0]
    assert (whole == row["map"].min()).all()


def test_fiftyone_needs_files(two_sizes, fiftyone):
    with pytest.raises(ValueError, match="'a' has no file"):
        two_sizes.to_fiftyone()


# ---- the command, and what all have in common --------------------------------------------


@pytest.mark.parametrize(("layout", "rows"), [("zarr", 19), ("virelay", 18)])
def test_command_exports(found, tmp_path, capsys, layout, rows):
    target = tmp_path / "exported"
    words = ["export", str(found.folder), "--to", layout, "-o", str(target)]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{rows} rows in {target}\n"
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "nowhere"), *words[2:]]) == 3
    assert "FOLDER: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["zarr", "h5py", "fiftyone"])
def test_a_missing_package_is_named(found, tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    write = {"zarr": found.to_zarr, "h5py": found.to_virelay}.get(name)
    with pytest.raises(ImportError, match="pip install"):
        found.to_fiftyone() if write is None else write(tmp_path / "out of it")
    assert not (tmp_path / "out of it").exists()
