"""Networks of PyTorch as models: by PyTorch itself, and by OpenVINO where that agrees."""

import copy
import logging
import pickle
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

import fastxai  # noqa: E402
from fastxai import models  # noqa: E402
from fastxai import torch as explainers  # noqa: E402
from fastxai.engine import settings  # noqa: E402
from tests._compare import ENGINE_RTOL, MAP_ATOL, assert_close  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

SETTINGS = {"num_masks": 128, "seed": 5}
IMAGES = networks.pictures(2)
WHOLE = torch.zeros(1)  # in the dtype of networks without weights


@pytest.fixture
def openvino():
    return pytest.importorskip("openvino", reason="OpenVINO is not installed: make adapters-test")


def maps_by_torch(network, images=IMAGES, targets=1):
    rise = explainers.RISE(network, "softmax", **SETTINGS)
    return rise(torch.from_numpy(images), targets).numpy()


def test_a_module_itself_is_scored_by_pytorch():
    network = networks.convolutional().train()
    rise = models.RISE(network, "softmax", **SETTINGS)
    maps = rise(torch.from_numpy(IMAGES), 1)
    assert isinstance(maps, torch.Tensor)
    np.testing.assert_allclose(maps, maps_by_torch(network), atol=MAP_ATOL)
    assert rise(IMAGES, 1, ret="result").engine == "torch"
    assert network.training


def test_openvino_takes_pytorchs_place_where_it_agrees(openvino, caplog):
    network = networks.convolutional().eval()
    model = fastxai.load(network)
    with caplog.at_level(logging.INFO, "fastxai"):
        result = models.RISE(model, "softmax", **SETTINGS)(IMAGES, 1, ret="result")
    assert (result.engine, model.name) == ("openvino", "openvino")
    assert 0 <= model.error < ENGINE_RTOL
    assert "it agrees with PyTorch to" in caplog.text
    np.testing.assert_allclose(result.saliency, maps_by_torch(network), atol=MAP_ATOL)


def test_the_map_is_that_of_the_formula(openvino):
    """Occlusion of the linear network by NumPy."""
    maps = models.Occlusion(fastxai.load(networks.linear()), "softmax", window=(4, 7))(IMAGES, 2)
    for image, saliency in zip(IMAGES, maps[:, 0], strict=True):
        for y, x in np.ndindex(5, 4):
            place = slice(4 * y, 4 * y + 4), slice(7 * x, 7 * x + 7)
            covered = image.copy()
            covered[:, *place] = 0
            before, after = networks.linear_scores(np.stack([image, covered]))[:, 2]
            np.testing.assert_allclose(saliency[place], abs(before - after) / 2, atol=1e-6)


@pytest.mark.parametrize("number", [1, 3, 32])
def test_batches_of_any_size(openvino, number):
    network = networks.convolutional().eval()
    batch = np.random.default_rng(0).normal(size=(number, *networks.SHAPE)).astype(np.float32)
    found = fastxai.load(network)(batch)
    expected = network(torch.from_numpy(batch)).detach().numpy()
    assert_close(found, expected, atol=ENGINE_RTOL * np.abs(expected).max())


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network[0].weight.data.mul_(-1),  # counts no version
        lambda network: network[1].running_mean.add_(1.0),
        lambda network: setattr(network, "5", nn.Linear(128, networks.CLASSES)),
        lambda network: setattr(network[1], "eps", 10.0),
    ],
    ids=["weights", "statistics", "a layer", "a setting"],
)
def test_changes_between_two_calls_are_noticed(openvino, change):
    network = networks.convolutional().eval()
    rise = models.RISE(fastxai.load(network), "softmax", **SETTINGS)
    before = rise(IMAGES, 1)
    change(network)
    after = rise(IMAGES, 1)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, maps_by_torch(network), atol=MAP_ATOL)
    assert rise.network.name == "openvino"


def test_images_of_another_size(openvino):
    network = networks.convolutional().eval()
    rise = models.RISE(fastxai.load(network), "softmax", **SETTINGS)
    rise(IMAGES, 1)
    smaller = np.ascontiguousarray(IMAGES[:, :, :16, :18])
    np.testing.assert_allclose(rise(smaller, 1), maps_by_torch(network, smaller), atol=MAP_ATOL)


class Branch(nn.Module):
    """What it computes depends on values."""

    def forward(self, images):
        return images.mean(dim=(2, 3)) * (1.0 if images.sum() > 0 else -1.0)


class Exported(nn.Module):
    """Computes something else while it is exported."""

    def forward(self, images):
        return images.mean(dim=(2, 3)) * (1.001 if torch.compiler.is_compiling() else 1.0)


class Constant(nn.Module):
    """Scores that say nothing of the image."""

    def forward(self, images):
        return images[:, :, 0, 0] * 0 + 1.0


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Branch(), r"torch\.export cannot export it: \w+"),
        (Exported(), r"OpenVINO's outputs differ from PyTorch's by 1\.0e-03"),
        (Constant(), "its outputs do not move from image to image"),
        (networks.linear().to(torch.bfloat16), "the network computes in bfloat16"),
    ],
    ids=["branch", "exported", "constant", "bfloat16"],
)
def test_pytorch_scores_where_openvino_cannot_and_the_log_says_why(
    openvino, caplog, network, reason
):
    model = fastxai.load(network.eval())
    with caplog.at_level(logging.WARNING, "fastxai"):
        model.begin(IMAGES)
        model.begin(IMAGES)  # not tried again
    assert (model.name, model.error) == ("torch", None)
    (record,) = caplog.records
    assert re.match(f"load: scored by PyTorch: {reason}", record.message)
    with torch.no_grad():
        expected = network(torch.from_numpy(IMAGES).to(next(network.parameters(), WHOLE).dtype))
    np.testing.assert_array_equal(model(IMAGES), expected.float())


def test_the_engine_of_a_black_image_does_not_depend_on_the_images_before_it(openvino):
    """Its copies are all alike: noise shows whether OpenVINO computes the network."""
    first, later = (fastxai.load(networks.convolutional().eval()) for _ in range(2))
    later.begin(IMAGES)
    for model in (first, later):
        lock = model._lock
        model.begin(np.zeros_like(IMAGES))
        assert model.name == "openvino"
        assert model.reason.startswith("it agrees with PyTorch to")
        assert model._lock is lock  # threads that wait hold on to it


def test_a_named_engine_is_a_promise(openvino, monkeypatch):
    rise = models.RISE(fastxai.load(Branch(), engine="openvino"), **SETTINGS)
    with pytest.raises(RuntimeError, match="'openvino' cannot score this network: torch.export"):
        rise(IMAGES, 1)
    model = fastxai.load(networks.convolutional(), engine="torch")
    maps = models.RISE(model, "softmax", **SETTINGS)(IMAGES, 1)
    np.testing.assert_allclose(maps, maps_by_torch(model.network), atol=MAP_ATOL)
    assert model.name == "torch"


def test_without_openvino_pytorch_scores(monkeypatch, caplog):
    monkeypatch.setattr(settings, "version_of", lambda name: None)
    model = fastxai.load(networks.linear())
    with caplog.at_level(logging.WARNING, "fastxai"):
        model.begin(IMAGES)
    assert "is not installed: pip install 'fastxai[openvino]'" in caplog.text
    with pytest.raises(ImportError, match="openvino cannot be imported: pip install"):
        fastxai.load(networks.linear(), engine="openvino")


def test_wrong_arguments_are_errors_in_words():
    with pytest.raises(ValueError, match="load: `engine` must be one of"):
        fastxai.load(networks.linear(), engine="onnxruntime")
    with pytest.raises(ValueError, match="load: `layout` is for files"):
        fastxai.load(networks.linear(), layout="NHWC")


class Several(nn.Module):
    """A dict with a tuple in it."""

    def __init__(self):
        super().__init__()
        self.linear = networks.linear()

    def forward(self, images):
        scores = self.linear(images)
        return {"minus": -scores, "all": (scores.mean(dim=1), scores)}


def test_several_outputs_keep_their_form(openvino):
    model = fastxai.load(Several())
    rise = models.RISE(model, "softmax", output=("all", 1), **SETTINGS)
    np.testing.assert_allclose(rise(IMAGES, 1), maps_by_torch(networks.linear()), atol=MAP_ATOL)
    assert model.name == "openvino"
    found = model(IMAGES)
    assert list(found) == ["minus", "all"]
    np.testing.assert_array_equal(found["minus"], -found["all"][1])


def test_the_network_is_given_back_as_it_came(openvino):
    network = networks.convolutional().train()
    network[5].weight.requires_grad_(False)
    weights = dict(network.named_parameters())
    before = {name: value.clone() for name, value in network.state_dict().items()}
    models.RISE(fastxai.load(network), "softmax", **SETTINGS)(IMAGES, 1)
    assert all(part.training for part in network.modules())
    assert dict(network.named_parameters()) == weights  # the same objects
    assert [value.requires_grad for value in weights.values()] == [True] * 4 + [False, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_copies_and_pickles_choose_anew(openvino):
    rise = models.RISE(fastxai.load(networks.linear()), "softmax", **SETTINGS)
    maps = rise(IMAGES, 1)
    for other in (copy.deepcopy(rise), pickle.loads(pickle.dumps(rise))):
        np.testing.assert_allclose(other(IMAGES, 1), maps, atol=MAP_ATOL)
        assert other.network.name == "openvino"


def test_a_state_file_knows_weights_and_engine(openvino, tmp_path):
    state, network = tmp_path / "run.npz", networks.linear()
    maps = models.RISE(fastxai.load(network), "softmax", **SETTINGS)(IMAGES, 1, state=state)
    again = models.RISE(fastxai.load(network), "softmax", **SETTINGS)(IMAGES, 1, state=state)
    np.testing.assert_array_equal(again, maps)
    by_torch = models.RISE(network, "softmax", **SETTINGS)
    with pytest.raises(ValueError, match="another"):
        by_torch(IMAGES, 1, state=state)
