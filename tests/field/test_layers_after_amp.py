"""GradCAM's layers by the names and cells that a network had before mixed precision changed it."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import amp, nn

from fastxai.explainer import GradCAM

IMAGES = ms.Tensor(np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32))
LAYERS = ("0", "2", "3", "3.0")


def network():
    """All weights positive, so that no map is zeros."""
    layers = nn.SequentialCell(
        *(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.SequentialCell(nn.Conv2d(4, 4, 3), nn.ReLU()), nn.Flatten(), nn.Dense(256, 3)),
    )
    rng = np.random.default_rng(1)
    for parameter in layers.get_parameters():
        parameter.set_data(ms.Tensor(rng.uniform(0.01, 0.2, parameter.shape).astype(np.float32)))
    return layers.set_train(False)


@pytest.mark.parametrize("level", ["O1", "O2", "O3", "auto"])
def test_names_and_cells_of_before_are_found(level, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # O1 writes its sources there
    plain = network()
    cells = dict(plain.cells_and_names())
    expected = {name: GradCAM(plain, name)(IMAGES, 1).asnumpy() for name in LAYERS}
    mixed = amp.auto_mixed_precision(plain, level)
    for name, saliency in expected.items():
        assert saliency.any()
        for layer in (name, cells[name]):
            found = GradCAM(mixed, layer)(IMAGES, 1).asnumpy()
            np.testing.assert_allclose(found, saliency, atol=0.01 * saliency.max())


def test_an_unknown_name_names_the_last_convolutions():
    with pytest.raises(ValueError, match=r"no layer '\?'; .* last convolutions are \['0', '3.0'\]"):
        GradCAM(network(), "?")


def test_a_layer_without_positions_names_those_that_have_some():
    words = (
        r"must be \(N, K, h, w\), got 2 axes. Choose .* are '3.1' \(4, 8, 8\), '3.0' \(4, 8, 8\)"
    )
    with pytest.raises(ValueError, match=words):
        GradCAM(network(), "4")(IMAGES, 1)
