"""What `grid='patch'` and `window='patch'` mean for RISE and Occlusion of every framework.

A family inherits `PatchContract` and defines `rise(**settings)` and `occlusion(**settings)`: those
of `outputs` below, written in its framework as one convolution whose kernel of 4x3 pixels is its
stride, that take and give arrays.
"""

import numpy as np
import pytest

from fastxai import reference

CLASSES, PATCH, CELLS = 3, (4, 3), (3, 4)
SIZE = (PATCH[0] * CELLS[0], PATCH[1] * CELLS[1])
KERNEL = np.random.default_rng(7).normal(size=(CLASSES, 2, *PATCH)).astype(np.float32)
IMAGES = np.random.default_rng(8).normal(size=(2, 2, *SIZE)).astype(np.float32)
MASKS, SEED = 65, 6


def in_patches(batch):
    """(M, 2, 3, 4, 4, 3): rows and columns of patches, and within them."""
    return batch.reshape(len(batch), 2, CELLS[0], PATCH[0], CELLS[1], PATCH[1]).transpose(
        0, 1, 2, 4, 3, 5
    )


def outputs(batch):
    """(M, 3, 3, 4): the convolution, by NumPy in float64."""
    return np.einsum("kcyx,mchwyx->mkhw", KERNEL.astype(np.float64), in_patches(batch))


def by_hand(image, base, number=MASKS):
    """Maps (3, H, W) of RISE's plain sum with cells that are patches, dense, in float64."""
    cells, _ = reference.mask_grid(SEED, 0, number, CELLS, 2**31, (1, 1))
    masks = np.repeat(np.repeat(cells, PATCH[0], axis=1), PATCH[1], axis=2).astype(np.float64)
    copies = image[None] * masks[:, None] + base * (1 - masks[:, None])
    return np.einsum("mk,myx->kyx", outputs(copies).mean(axis=(2, 3)), masks) / number


class PatchContract:
    SETTINGS = {"num_masks": MASKS, "seed": SEED, "design": "iid", "estimator": "plain"}

    @pytest.mark.parametrize("grid", ["patch", "patch:4x3"])
    @pytest.mark.parametrize("base", [0.0, 0.7])
    def test_masks_are_patches_of_the_network(self, grid, base):
        rise = self.rise(grid=grid, base_value=base, **self.SETTINGS)
        maps = rise(IMAGES, [[0, 1, 2]] * 2)
        for image, found in zip(IMAGES, maps, strict=True):
            np.testing.assert_allclose(found, by_hand(image.astype(np.float64), base), atol=1e-5)

    @pytest.mark.parametrize("window", ["patch", "patch:4x3"])
    def test_occlusion_covers_patches_of_the_network(self, window):
        """Half of what a patch adds to the mean over the cells, whichever its sign."""
        maps = self.occlusion(window=window)(IMAGES, [[0, 1, 2]] * 2)
        drops = np.abs(outputs(IMAGES.astype(np.float64))) / (CELLS[0] * CELLS[1]) / 2
        expected = np.repeat(np.repeat(drops, PATCH[0], axis=2), PATCH[1], axis=3)
        np.testing.assert_allclose(maps, expected, atol=1e-5)

    def test_wrong_windows_are_errors_in_words(self):
        with pytest.raises(ValueError, match=r"whole patches of 5x5 pixels, got 12x12"):
            self.occlusion(window="patch:5")(IMAGES, 0)
        with pytest.raises(ValueError, match=r"`window` must be 'auto', 'patch', 'patch:16' or"):
            self.occlusion(window="tile")(IMAGES, 0)

    def test_maps_and_error_bars_are_constant_within_patches(self):
        found = self.explanation(grid="patch", num_masks=512, seed=1)
        assert found.design == "placed"  # in blocks, without shifts to spread
        for maps in (found.saliency, found.standard_error):
            patches = in_patches(np.repeat(maps, 2, axis=1))
            assert maps.shape == (1, 1, *SIZE)
            np.testing.assert_array_equal(patches, patches[..., :1, :1] + 0 * patches)
            assert np.ptp(maps) > 0

    def test_the_map_is_near_the_effect_of_each_patch(self):
        """The centred map estimates p E[f | patch is kept]: of a linear score that is known."""
        found = self.explanation(grid="patch", num_masks=2048, seed=1)
        effects = outputs(IMAGES[:1].astype(np.float64))[0, 1] / CELLS[0] / CELLS[1]
        expected = 0.5 * (effects.sum() / 2 + effects / 2)
        error = np.abs(found.saliency[0, 0, :: PATCH[0], :: PATCH[1]] - expected)
        assert (error <= 5 * found.standard_error[0, 0, :: PATCH[0], :: PATCH[1]] + 1e-6).all()

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"grid": "patch:5"}, r"whole patches of 5x5 pixels, got 12x12: resize or crop them"),
            ({"grid": "tile"}, r"`grid` must be 'patch', or 'patch:16'"),
            ({"grid": "patch:0"}, r"`grid` must be 'patch'"),
            ({"grid": "patch", "grid_size": 7}, "takes the place of `grid_size`"),
        ],
        ids=range(4),
    )
    def test_wrong_grids_are_errors_in_words(self, settings, words):
        with pytest.raises(ValueError, match=words):
            self.rise(num_masks=8, **settings)(IMAGES, 0)
