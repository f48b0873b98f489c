"""Small pictures and a small network, and runs over them."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn
from PIL import Image

import fastxai
from fastxai.dataset import Frame, Preprocess, explain

CLASSES = 4
SMALL = Preprocess(Frame((12, 12)), (0.5,), (0.25,))


def small_network(seed=0):
    """Flatten and one dense layer, of weights drawn with a seed."""
    weight = np.random.default_rng(seed).normal(size=(CLASSES, 3 * 12 * 12), scale=0.1)
    dense = nn.Dense(3 * 12 * 12, CLASSES, has_bias=False)
    dense.weight.set_data(ms.Tensor(weight.astype(np.float32)))
    return nn.SequentialCell(nn.Flatten(), dense)


def small_rise(seed=0, weights=0, **settings):
    return fastxai.RISE(
        small_network(weights),
        nn.Softmax(),
        num_masks=settings.pop("num_masks", 64),
        seed=seed,
        engine="mindspore",
        **settings,
    )


@pytest.fixture
def pictures(tmp_path):
    """A folder of ten pictures of noise, one of them broken."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    draw = np.random.default_rng(3)
    for number in range(10):
        pixels = draw.integers(0, 256, (14, 16, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "4.png").write_bytes(b"no picture")
    return folder


@pytest.fixture
def run(pictures, tmp_path):
    """Explains the pictures into a folder of this name; gives the summary."""

    def explained(name="out", explainer=None, source=pictures, **settings):
        settings = {"preprocess": SMALL, "progress": False, **settings}
        return explain(explainer or small_rise(), source, tmp_path / name, **settings)

    return explained
