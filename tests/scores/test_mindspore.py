"""Scores over cells, by MindSpore in both modes and by engines."""

import importlib.util

import numpy as np
import pytest

ms = pytest.importorskip("mindspore")

from mindspore import nn  # noqa: E402

from fastxai import explainer  # noqa: E402
from fastxai.scores import Margin, Value  # noqa: E402
from tests.scores._contract import IMAGES, WEIGHT, ScoreContract, ScoreMaps, column, outputs  # noqa: E402

ENGINES = [e for e in ("openvino", "onnxruntime") if importlib.util.find_spec(e) is not None]


def pixels():
    """`outputs` as a cell."""
    network = nn.Conv2d(2, len(WEIGHT), 1, pad_mode="valid", has_bias=False)
    network.weight.set_data(ms.Tensor(WEIGHT[:, :, None, None]))
    return network


class TwoOutputs(nn.Cell):
    """A tuple of `outputs` and of minus those."""

    def __init__(self):
        super().__init__()
        self.pixels = pixels()

    def construct(self, x):
        found = self.pixels(x)
        return found, -found


class OfCells:
    engine = "mindspore"

    def explainer(self, kind, activation, **settings):
        made = getattr(explainer, kind)(pixels(), activation, engine=self.engine, **settings)
        return lambda images, *arguments, **options: made(
            ms.Tensor(images), *arguments, **options
        ).asnumpy()


class TestCells(OfCells, ScoreContract):
    pass


class TestCellsInGraphMode(OfCells, ScoreMaps):
    @pytest.fixture(autouse=True)
    def graph(self):
        before = ms.get_context("mode")
        ms.set_context(mode=ms.GRAPH_MODE)
        yield
        ms.set_context(mode=before)


@pytest.mark.skipif(not ENGINES, reason="neither OpenVINO nor ONNX Runtime is installed")
class TestEngines(OfCells, ScoreMaps):
    @pytest.fixture(autouse=True, params=ENGINES)
    def an_engine(self, request):
        self.engine = request.param


@pytest.mark.skipif(not ENGINES, reason="neither OpenVINO nor ONNX Runtime is installed")
def test_engines_of_other_outputs_of_one_network_are_not_mixed_up():
    """The cells are the same ones; a score reads what classes are averages of."""
    network, settings = TwoOutputs(), {"num_masks": 8, "seed": 1, "engine": ENGINES[0]}
    image = ms.Tensor(IMAGES[:1])
    maps = [
        explainer.RISE(network, None, output=place, score=score, **settings)(image, 0).asnumpy()
        for place, score in [(0, None), (1, None), (0, Value()), (1, lambda v: v[:, 0, 0, 0])]
    ]
    np.testing.assert_allclose(maps[1], -maps[0], atol=1e-5)
    np.testing.assert_allclose(maps[2], maps[0], atol=1e-5)
    assert np.abs(maps[3] - maps[1]).max() > 1e-2


def test_auto_says_why_no_engine_reads_the_outputs_of_a_network_that_cannot_be_exported():
    class Branching(nn.Cell):
        def construct(self, x):
            rows = x.reshape(x.shape[0], -1)
            if float(rows.sum()) > 1e9:  # the exporter follows no such branch
                rows = -rows
            return rows

    settings = {"num_masks": 128, "seed": 1, "score": Margin(3, 5)}
    rise = explainer.RISE(Branching(), None, engine="auto", **settings)
    maps = rise(ms.Tensor(IMAGES[:1])).asnumpy()
    assert rise.engine.engine == "mindspore"
    assert "cannot be exported" in rise.engine.reason or "installed" in rise.engine.reason
    of_function = explainer.RISE(lambda batch: batch.reshape(len(batch), -1), None, **settings)
    np.testing.assert_allclose(maps, of_function(IMAGES[:1]), atol=1e-6)


def test_a_score_of_an_image_is_what_is_explained(mode):
    """`class_scores` is what data sets and reports show beside the maps."""
    made = explainer.RISE(pixels(), None, num_masks=8, seed=0, score=Margin(0, 1))
    with made._backend.scoring(IMAGES):
        found = made._backend.class_scores(IMAGES)
    values = outputs(IMAGES.astype(np.float64))
    np.testing.assert_allclose(found[:, 0], column(values, 0) - column(values, 1), rtol=1e-4)


def test_repr_shows_a_score_that_was_given():
    assert "score=Margin" in repr(explainer.RISE(pixels(), None, num_masks=8, score=Margin(0, 1)))
    assert "score" not in repr(explainer.RISE(pixels(), None, num_masks=8))
