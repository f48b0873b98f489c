"""mindspore_xai's perturbation helpers: known answers."""

import numpy as np
import pytest

from fastxai.explainer.perturb.ablation import Ablation, AblationWithSaliency
from fastxai.explainer.perturb.replacement import Constant, GaussianBlur, RandomPerturb

IMAGE = np.arange(1.0, 9.0, dtype=np.float32).reshape(1, 2, 2, 2)
MASKS = np.zeros((1, 2, 2, 2, 2), bool)
MASKS[0, 0, :, 0, 0] = True
MASKS[0, 1, 0] = True


def test_deletion_replaces_what_is_masked():
    copies = Ablation("Deletion")(IMAGE, -1.0, MASKS)
    assert copies.shape == (1, 2, 2, 2, 2)
    assert copies[0, 0].ravel().tolist() == [-1, 2, 3, 4, -1, 6, 7, 8]
    assert copies[0, 1].ravel().tolist() == [-1, -1, -1, -1, 5, 6, 7, 8]


def test_insertion_shows_what_is_masked():
    copies = Ablation("Insertion")(IMAGE, np.zeros_like(IMAGE), MASKS)
    assert copies[0, 0].ravel().tolist() == [1, 0, 0, 0, 5, 0, 0, 0]


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="`perturb_mode` must be one of"):
        Ablation("Blur")
    with pytest.raises(TypeError, match="`masks` must be of booleans, got float64"):
        Ablation("Deletion")(IMAGE, 0.0, MASKS.astype(float))
    with pytest.raises(ValueError, match="`masks` must have shape"):
        Ablation("Deletion")(IMAGE, 0.0, MASKS[..., :1])
    with pytest.raises(ValueError, match="`reference` must have the shape"):
        Ablation("Deletion")(IMAGE, IMAGE[:, :1], MASKS)


def test_masks_follow_the_saliency():
    saliency = np.array([[[[4.0, 1.0, 3.0], [2.0, 6.0, 5.0]]]])
    single = AblationWithSaliency("Deletion", perturb_pixel_per_step=2).generate_mask(saliency, 2)
    assert single.shape == (1, 3, 2, 2, 3)
    places = [np.flatnonzero(mask[1]).tolist() for mask in single[0]]
    assert places == [[4, 5], [0, 2], [1, 3]]
    growing = AblationWithSaliency("Deletion", 0.7, True, num_perturbations=2)
    places = [np.flatnonzero(mask).tolist() for mask in growing.generate_mask(saliency[:, 0])[0]]
    assert places == [[4, 5], [0, 2, 4, 5]]


def test_the_number_of_steps_is_the_root_of_the_pixels():
    saliency = np.arange(100.0).reshape(1, 1, 10, 10)
    masks = AblationWithSaliency("Deletion", 0.5).generate_mask(saliency, 3)
    assert masks.shape == (1, 10, 3, 10, 10)
    assert (masks.sum(axis=(3, 4)) == 5).all()


def test_too_few_pixels_are_an_error():
    with pytest.raises(ValueError, match="too few for one step"):
        AblationWithSaliency("Deletion", 0.1, perturb_pixel_per_step=5).generate_mask(
            np.zeros((1, 2, 3))
        )


def test_replacements():
    assert (Constant(base_value=2)(IMAGE) == 2).all()
    with pytest.raises(ValueError, match="Constant: `base_value` must be given"):
        Constant()
    noise = RandomPerturb(radius=0.5)(IMAGE) - IMAGE
    assert noise.std() > 0.05
    assert np.abs(noise).max() <= 0.5
    impulse = np.zeros((1, 1, 9, 9))
    impulse[0, 0, 4, 4] = 1.0
    blurred = GaussianBlur(sigma=1.0)(impulse)
    assert blurred.sum() == pytest.approx(1.0)
    # One standard deviation from the centre a Gaussian has exp(-1/2) of its height.
    assert blurred[0, 0, 4, 5] / blurred[0, 0, 4, 4] == pytest.approx(np.exp(-0.5), rel=1e-3)
