"""Masks of whole patches, for functions, files and cells; tests/torch has PyTorch's."""

import importlib.util

import numpy as np
import pytest

from fastxai import models
from fastxai.masks.patches import patch_of, patches
from tests.scores._patches import (
    CELLS,
    IMAGES,
    KERNEL,
    PATCH,
    SIZE,
    PatchContract,
    by_hand,
    outputs,
)

# A function does not show how it cuts images, so here alone the size is always named.


class TestFunctions(PatchContract):
    def rise(self, grid, **settings):
        return models.RISE(outputs, None, grid="patch:4x3" if grid == "patch" else grid, **settings)

    def explanation(self, **settings):
        return self.rise(**settings)(IMAGES[:1], 1, "result")

    def occlusion(self, window):
        return models.Occlusion(outputs, None, window="patch:4x3" if window == "patch" else window)

    def test_a_function_does_not_show_its_patches(self):
        with pytest.raises(ValueError, match=r"does not show .*: grid='patch:16'"):
            models.RISE(outputs, None, grid="patch", num_masks=8)(IMAGES, 0)
        with pytest.raises(ValueError, match=r"does not show .*: window='patch:16'"):
            models.Occlusion(outputs, None, window="patch")(IMAGES, 0)

    def test_a_state_file_knows_the_patch(self, tmp_path):
        state = tmp_path / "run.npz"
        model = models.Callable(outputs, identity="convolution")
        settings = {"num_masks": 8, "seed": 1}
        models.RISE(model, None, grid="patch:4x3", **settings)(IMAGES, 0, state=state)
        with pytest.raises(ValueError, match="patch"):
            models.RISE(model, None, grid_size=CELLS, **settings)(IMAGES, 0, state=state)


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="no OpenVINO")
class TestFiles(PatchContract):
    @pytest.fixture(autouse=True)
    def a_file(self, tmp_path):
        import openvino
        from openvino import opset13

        image = opset13.parameter([-1, 2, *SIZE], np.float32, name="image")
        kernel = opset13.constant(KERNEL)
        scores = opset13.convolution(image, kernel, list(PATCH), [0, 0], [0, 0], [1, 1])
        openvino.save_model(
            openvino.Model([scores], [image]), tmp_path / "net.xml", compress_to_fp16=False
        )
        self.model = models.load(tmp_path / "net.xml")

    def rise(self, **settings):
        return models.RISE(self.model, None, **settings)

    def occlusion(self, **settings):
        return models.Occlusion(self.model, None, **settings)

    def explanation(self, **settings):
        return self.rise(**settings)(IMAGES[:1], 1, "result")


class TestCells(PatchContract):
    @pytest.fixture(autouse=True)
    def a_cell(self):
        ms = pytest.importorskip("mindspore")
        network = ms.nn.Conv2d(2, len(KERNEL), PATCH, PATCH, pad_mode="valid", has_bias=False)
        network.weight.set_data(ms.Tensor(KERNEL))
        self.network, self.ms = network, ms

    def rise(self, **settings):
        from fastxai.explainer import RISE

        made = RISE(self.network, None, **settings)
        return lambda images, targets: made(self.ms.Tensor(images), targets).asnumpy()

    def occlusion(self, **settings):
        from fastxai.explainer import Occlusion

        made = Occlusion(self.network, None, **settings)
        return lambda images, targets: made(self.ms.Tensor(images), targets).asnumpy()

    def explanation(self, **settings):
        from fastxai.explainer import RISE

        image = self.ms.Tensor(IMAGES[:1])
        return RISE(self.network, None, **settings)(image, 1, "result")


def test_cells_in_graph_mode_have_the_same_map(mode):
    ms = pytest.importorskip("mindspore")
    from fastxai.explainer import RISE

    network = ms.nn.Conv2d(2, len(KERNEL), PATCH, PATCH, pad_mode="valid", has_bias=False)
    network.weight.set_data(ms.Tensor(KERNEL))
    rise = RISE(network, None, grid="patch", **PatchContract.SETTINGS)
    maps = rise(ms.Tensor(IMAGES[:1]), [[0, 1, 2]]).asnumpy()
    np.testing.assert_allclose(maps[0], by_hand(IMAGES[0].astype(np.float64), 0), atol=1e-5)


def test_the_patch_is_the_kernel_that_steps_by_itself_over_the_image():
    stem, embedding, fine = (3, (7, 7), (2, 2)), (3, (16, 16), (16, 16)), (3, (4, 4), (4, 4))
    deep, pointwise = (64, (2, 2), (2, 2)), (3, (1, 1), (1, 1))
    assert patch_of((embedding, deep, pointwise), 3) == (16, 16)
    assert patch_of((stem, deep), 3) is None
    assert patch_of((embedding, fine), 3) is None  # of two sizes: the user has to say
    assert patch_of((embedding,), 1) is None
    assert patch_of((), 3) is None


def found(*convolutions, size=224):
    return patches("RISE", "grid", "patch", lambda: convolutions, (3, size, size))


def test_cells_of_vision_transformers_are_found_at_their_usual_sizes():
    for patch, size, cells in ((16, 224, 14), (14, 518, 37), (8, 224, 28), (4, 32, 8)):
        assert found((3, (patch, patch), (patch, patch)), size=size) == ((patch,) * 2, (cells,) * 2)


@pytest.mark.parametrize(
    ("later", "why"),
    [
        ([(96, (7, 7), (1, 1)), (96, (2, 2), (2, 2))], "a later convolution steps further"),
        ([], "that would be 3136 cells"),  # Swin merges patches without a convolution
    ],
)
def test_the_patches_of_a_first_stage_are_refused_in_words(later, why):
    words = f"begins with patches of 4x4 pixels.*{why}.*grid='patch:32'"
    with pytest.raises(ValueError, match=words):
        found((3, (4, 4), (4, 4)), *later)
    named = patches("RISE", "grid", "patch:32", lambda: (), (3, 224, 224))
    assert named == ((32, 32), (7, 7))
