"""The demo's network: real handwriting, and maps that lie on the right digit."""

import re
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from PIL import Image

import fastxai
from fastxai import demo
from fastxai.explainer import RISE, Occlusion
from tests._compare import NETWORK_ATOL, assert_close

DEMO = Path(__file__).parents[2] / "examples" / "demo"
sys.path.insert(0, str(DEMO))
pytest.importorskip("sklearn")
import canvas  # noqa: E402


@pytest.fixture(scope="module")
def network():
    return demo.demo_net()


@pytest.fixture(scope="module")
def pairs():
    """Fifty pictures of two different digits that the network was never trained on."""
    rng = np.random.default_rng(2026)
    glyphs = canvas.load_glyphs("test")
    return [canvas.make_picture(rng, glyphs, "pair") for _ in range(50)]


def as_tensor(picture):
    return ms.Tensor(demo.normalize(picture.image)[None])


def test_checkpoint_is_small_and_its_log_is_beside_it():
    assert demo.CHECKPOINT.stat().st_size < 500_000
    log = (DEMO / "train.log").read_text()
    for kind, what in (("single", "top-1"), ("pair", "top-2, both digits")):
        accuracy = re.search(rf"final: {kind} {what}: ([\d.]+)", log)
        assert accuracy is not None
        assert float(accuracy[1]) >= 0.95


@pytest.mark.statistical
def test_accuracy_on_new_pictures_of_test_handwriting_is_at_least_95_percent(network):
    rng = np.random.default_rng(99)
    glyphs = canvas.load_glyphs("test")
    pictures = [canvas.make_picture(rng, glyphs, "single") for _ in range(400)]
    images = np.stack([demo.normalize(picture.image) for picture in pictures])
    predicted = network(ms.Tensor(images)).asnumpy().argmax(axis=1)
    labels = np.array([picture.labels[0] for picture in pictures])
    assert np.mean(predicted == labels) >= 0.95


def test_no_test_glyph_was_trained_on():
    train = {glyph.tobytes() for glyph in canvas.load_glyphs("train").images}
    test = {glyph.tobytes() for glyph in canvas.load_glyphs("test").images}
    assert len(train) > 1000
    assert not train & test


@pytest.mark.statistical
def test_energy_of_the_rise_map_lies_on_the_digit_explained(network, pairs):
    """In at least 90 % of 50 pictures each digit's map has more energy in its own box."""
    fastxai.set_engine()  # 'auto': OpenVINO takes a third of MindSpore's time
    rise = RISE(network, nn.Softmax(), 64, num_masks=128, seed=0)
    wins = 0
    for picture in pairs:
        maps = rise(as_tensor(picture), [list(picture.labels)]).asnumpy()[0]
        energy = np.maximum(maps - maps.mean(axis=(1, 2), keepdims=True), 0.0)
        inside = np.array(
            [[e[y0:y1, x0:x1].sum() for y0, x0, y1, x1 in picture.boxes] for e in energy]
        )
        wins += bool(inside[0, 0] > inside[0, 1] and inside[1, 1] > inside[1, 0])
    assert wins >= 45


def test_native_and_reference_paths_agree_on_the_trained_network(network, pairs, monkeypatch):
    image, labels = as_tensor(pairs[0]), [list(pairs[0].labels)]
    makers = (
        lambda: RISE(network, nn.Softmax(), 32, num_masks=96, seed=3),
        lambda: Occlusion(network, nn.Softmax(), 64, window=12, strides=6),
    )
    native = [make()(image, labels).asnumpy() for make in makers]
    monkeypatch.setattr("fastxai.ops.native._module", None)
    monkeypatch.setattr("fastxai.ops.native._warned", True)
    for make, expected in zip(makers, native, strict=True):
        assert_close(make()(image, labels).asnumpy(), expected, atol=NETWORK_ATOL)


def test_the_pictures_are_those_that_make_pictures_writes(tmp_path):
    """Pixels, labels and boxes."""
    import make_pictures

    make_pictures.write_pictures(tmp_path, seed=2)
    names = sorted(path.name for path in demo.CHECKPOINT.with_name("pictures").iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    listed = demo.CHECKPOINT.with_name("pictures") / "pictures.json"
    assert (tmp_path / "pictures.json").read_text() == listed.read_text()
    for name, sample in demo.samples().items():
        with Image.open(tmp_path / f"{name}.png") as made:
            np.testing.assert_array_equal(np.asarray(made), np.asarray(sample.picture))


def test_pictures_need_scikit_learn_and_say_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    canvas.load_glyphs.cache_clear()
    with pytest.raises(ImportError, match=r"pip install scikit-learn \(or, .* '\.\[demo\]'\)"):
        canvas.load_glyphs("test")
