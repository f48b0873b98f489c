"""What `ret='result'` returns, and the file it is kept in."""

import dataclasses

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from PIL import Image
from scipy import stats

import fastxai
from fastxai.explainer import RISE, Explanation, Gradient, Occlusion
from fastxai.system.atomic_file import replacing
from tests import _networks as networks
from tests.explainer.test_contract import RISEPlusOf

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 14, 11)).astype(np.float32)
TARGETS = [[3, 1], [0, 4]]


def rise(**options):
    options = {"num_masks": 300, "seed": 5, "engine": "mindspore", **options}
    return RISE(networks.SmallConv(), nn.Softmax(), 32, **options)


@pytest.fixture(scope="module")
def found():
    return rise()(ms.Tensor(IMAGES), TARGETS, ret="result")


KINDS = [("iid", "plain"), ("iid", "centred"), ("iid", "control-variate"), ("lattice", "centred")]


@pytest.mark.parametrize(("design", "estimator"), KINDS)
def test_the_maps_are_those_of_a_call_that_returns_a_tensor(mode, design, estimator):
    options = {"design": design, "estimator": estimator}
    explanation = rise(**options)(ms.Tensor(IMAGES), TARGETS, ret="result")
    expected = rise(**options)(ms.Tensor(IMAGES), TARGETS).asnumpy()
    np.testing.assert_array_equal(explanation.saliency, expected)
    assert explanation.standard_error.shape == expected.shape
    assert (explanation.standard_error > 0).all()
    assert ((explanation.correlation >= 0) & (explanation.correlation < 1)).all()


def test_it_says_how_the_maps_came_about(found):
    assert (found.explainer, found.design, found.estimator) == ("RISE", "iid", "centred")
    assert (found.engine, found.precision, found.engine_error) == ("mindspore", "float32", None)
    assert (found.seed, found.tol, found.reached) == (5, None, None)
    assert found.num_masks.tolist() == [300, 300]
    assert found.degrees_of_freedom.tolist() == [299, 299]
    assert found.targets.tolist() == TARGETS
    assert found.correlation.shape == (2, 2)
    assert 0 < found.seconds < 600
    assert found.version == fastxai.__version__


def test_a_drawn_seed_is_told_and_gives_the_same_maps_again():
    first = rise(seed=None)(ms.Tensor(IMAGES), 1, ret="result")
    again = rise(seed=first.seed)(ms.Tensor(IMAGES), 1)
    np.testing.assert_array_equal(again.asnumpy(), first.saliency)


def test_riseplus_has_an_error_bar_too(mode):
    plus = RISEPlusOf(networks.SmallConv(), nn.Softmax(), 16, num_masks=300, seed=0)
    explanation = plus(ms.Tensor(IMAGES), TARGETS, ret="result")
    np.testing.assert_array_equal(explanation.saliency, plus(ms.Tensor(IMAGES), TARGETS).asnumpy())
    assert np.isfinite(explanation.standard_error).all()


def test_occlusion_has_no_chance_in_it_and_so_no_standard_error():
    occlusion = Occlusion(networks.SmallConv(), nn.Softmax(), 16, window=4)
    explanation = occlusion(ms.Tensor(IMAGES), TARGETS, ret="result")
    expected = occlusion(ms.Tensor(IMAGES), TARGETS).asnumpy()
    np.testing.assert_array_equal(explanation.saliency, expected)
    assert explanation.num_masks.tolist() == [6, 6]
    assert explanation.standard_error is None
    assert explanation.correlation is None
    assert explanation.seed is None
    with pytest.raises(ValueError, match="Occlusion has no standard error"):
        explanation.interval()


def test_explainers_of_one_pass_do_not_know_it():
    with pytest.raises(ValueError, match=r"`ret` must be one of \('tensor', 'image'\)"):
        Gradient(networks.SmallConv())(ms.Tensor(IMAGES), 1, ret="result")


def test_an_interval_is_students(found):
    low, high = found.interval(0.9)
    half = stats.t.ppf(0.95, 299) * found.standard_error
    np.testing.assert_allclose(high - found.saliency, half, rtol=1e-3)
    np.testing.assert_allclose(found.saliency - low, half, rtol=1e-3)
    with pytest.raises(ValueError, match=r"`level` must be in \(0, 1\), got 1.0"):
        found.interval(1.0)


def test_pictures_are_those_of_ret_image(found, monkeypatch):
    expected = rise()(ms.Tensor(IMAGES), TARGETS, ret="image")
    for own, others in zip(found.to_image(), expected, strict=True):
        for picture, other in zip(own, others, strict=True):
            assert picture.tobytes() == other.tobytes()
    shown = []
    monkeypatch.setattr("fastxai.visual.cv.display.show_images", shown.append)
    found.show()
    rise(num_masks=20)(ms.Tensor(IMAGES), 1, ret="result", show=True)
    assert [len(images) for images in shown] == [2, 2]


# ---- files ----------------------------------------------------------------------------------


def equal(one, other):
    for field in dataclasses.fields(Explanation):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


def test_what_is_saved_is_loaded_to_the_bit(found, tmp_path):
    path = tmp_path / "found.explanation"
    found.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["found.explanation"]
    equal(Explanation.load(path), found)
    seeded = dataclasses.replace(found, seed=2**64 - 1, engine_error=1e-6, tol=0.9)
    seeded.save(path)
    equal(Explanation.load(str(path)), seeded)


def test_what_is_not_there_is_not_there_when_loaded(tmp_path):
    occlusion = Occlusion(networks.SmallConv(), nn.Softmax(), 16, window=4)
    explanation = occlusion(ms.Tensor(IMAGES), 1, ret="result")
    explanation.save(tmp_path / "found.npz")
    equal(Explanation.load(tmp_path / "found.npz"), explanation)


class Planted:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def test_a_file_with_a_pickle_is_refused(found, tmp_path):
    path = tmp_path / "found.npz"
    found.save(path)
    with np.load(path) as held:
        arrays = dict(held)
    arrays["saliency"] = np.array([Planted()], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"no file that Explanation\.save has written"):
        Explanation.load(path)


@pytest.mark.parametrize("damage", ["cut", "text", "bits", "empty", "other"])
def test_a_damaged_file_is_refused(found, tmp_path, damage):
    path = tmp_path / "found.npz"
    found.save(path)
    data = path.read_bytes()
    middle = data.index(found.saliency.tobytes()) + 5
    if damage == "other":
        np.savez(path, a=np.zeros(3))
    else:
        path.write_bytes(
            {
                "cut": data[:middle],
                "text": b"nothing of the kind",
                "bits": data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :],
                "empty": b"",
            }[damage]
        )
    with pytest.raises(ValueError, match=r"no file that Explanation\.save has written"):
        Explanation.load(path)
    with pytest.raises(FileNotFoundError):
        Explanation.load(tmp_path / "nothing.npz")


def test_a_file_is_whole_or_what_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(OSError, match="full"), replacing(path) as file:  # noqa: PT012
        file.write(b"half of what")
        raise OSError("the disk is full")
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    link = tmp_path / "link"
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"after")
    assert link.is_symlink()
    assert path.read_bytes() == b"after"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"saliency": np.zeros((2, 2, 14, 11))}, "'saliency' is float64"),
        ({"saliency": np.full((2, 2, 14, 11), np.nan, np.float32)}, "'saliency' holds nan"),
        ({"targets": np.zeros((2, 3), np.int64)}, "'targets' is of shape"),
        ({"correlation": None}, "an error bar without 'correlation'"),
        ({"tol": 2.0}, "its 'tol' is '2.0'"),
    ],
)
def test_what_would_not_be_read_back_is_not_saved(found, tmp_path, change, words):
    changed = dataclasses.replace(found, **change)
    with pytest.raises(ValueError, match=f"^Explanation: cannot be saved: .*{words}"):
        changed.save(tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_arrays_in_any_order_of_bytes_and_axes_are_saved(found, tmp_path):
    turned = np.asfortranarray(found.saliency).astype(">f4")
    dataclasses.replace(found, saliency=turned).save(tmp_path / "file")
    again = Explanation.load(tmp_path / "file")
    equal(again, found)
    assert again.saliency.flags.c_contiguous
    assert again.saliency.flags.writeable


# ---- errors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_masks": 1, "estimator": "plain"}, "at least 2 masks, got 1"),
        ({"num_masks": 255, "design": "oa128"}, "at least 256 masks for `design` 'oa128'"),
        (
            {"num_masks": 300, "design": "oa128", "estimator": "plain"},
            "whole blocks of 128 masks .* got 300; use 'centred'",
        ),
        (
            {"num_masks": 512, "design": "oa128", "estimator": "control-variate"},
            "none for `design` 'oa128' with `estimator` 'control-variate'; use 'centred'",
        ),
    ],
)
def test_refuses_what_has_no_error_bar_before_anything_is_scored(options, words):
    network = networks.Failing()
    explainer = RISE(network, nn.Softmax(), seed=0, **options)
    with pytest.raises(ValueError, match=words):
        explainer(ms.Tensor(IMAGES), 1, ret="result")
    network.fail = False
    assert explainer(ms.Tensor(IMAGES), 1).shape == (2, 1, 14, 11)


def test_a_constant_map_of_equal_scores_is_certain():
    flat = networks.Linear(np.zeros((2, IMAGES[0].size), np.float32))
    explanation = RISE(flat, nn.Softmax(), num_masks=64, seed=0)(ms.Tensor(IMAGES), 0, ret="result")
    assert (explanation.correlation == 1).all()
    assert isinstance(explanation.to_image()[0][0], Image.Image)
