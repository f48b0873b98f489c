"""What every explainer of every framework promises; a framework's tests give it a kit.

A kit has the framework's `Tensor` and `Layer`, `tensor(array)`, `array(tensor)`, `network()` of 5
classes, `change(network)` of a weight, `failing()`, a network whose attribute `fail` says if it
fails, and `state_of(network)`: all that an explainer must not change.
"""

import signal

import numpy as np
import pytest
from PIL import Image

from tests._compare import assert_close

IMAGES = np.random.default_rng(0).normal(size=(2, 3, 12, 15)).astype(np.float32)
MASKS, WINDOWS = 40, 9  # of the explainers that tests make


class ExplainerContract:
    """Tests over explainers of a framework: `make` makes one of a network, `kit` is as above."""

    def test_the_callers_network_is_its_network(self, make, kit):
        network = kit.network()
        assert make(network).network is network

    @pytest.mark.parametrize("called", [False, True], ids=["new", "used"])
    def test_a_network_that_a_script_sets_is_explained(self, make, kit, called):
        explainer, other = make(kit.network()), kit.network()
        kit.change(other)
        images = kit.tensor(IMAGES)
        before = kit.array(make(kit.network())(images, 1))
        if called:
            explainer(images, 1)
        explainer._network = other
        assert explainer.network is other
        if isinstance(getattr(explainer, "_layer", ""), kit.Layer):  # GradCAM of a layer itself
            with pytest.raises(ValueError, match="is not part of `network`"):
                explainer(images, 1)
            return
        found = kit.array(explainer(images, 1))
        np.testing.assert_array_equal(found, kit.array(make(other)(images, 1)))
        assert np.abs(found - before).max() > 1e-4

    def test_targets_are_kept_where_the_caller_writes_into_its_own(self, make, kit):
        explainer, targets = make(kit.network()), np.array([[1], [2]])
        explainer(kit.tensor(IMAGES), targets)
        targets[:] = 4
        assert explainer.last_targets.tolist() == [[1], [2]]

    def test_after_an_exception_in_the_network_all_is_as_it_was_and_works(self, make, kit):
        network = kit.failing()
        explainer = make(network)
        before = kit.state_of(network)
        with pytest.raises(RuntimeError, match="the network failed"):
            explainer(kit.tensor(IMAGES), 1)
        assert kit.state_of(network) == before
        network.fail = False
        expected = kit.array(make(kit.network())(kit.tensor(IMAGES), 1))
        assert_close(kit.array(explainer(kit.tensor(IMAGES), 1)), expected, atol=0.0)

    def test_takes_targets_in_every_form(self, make, kit):
        """tests/arguments has all forms; these differ in what an explainer does with them."""
        explainer, images = make(kit.network()), kit.tensor(IMAGES)
        expected = kit.array(explainer(images, [3, 3]))
        for targets, columns in (
            (3, 1),
            (np.array([3, 3], np.uint8), 1),
            ([[3, 1], [3, 0]], 2),
            (kit.tensor(np.array(3)), 1),
            (kit.tensor(np.array([3, 3], np.int32)), 1),
            (kit.tensor(np.array([[3, 1], [3, 0]])), 2),
        ):
            maps = kit.array(explainer(images, targets))
            assert maps.shape == (2, columns, 12, 15)
            np.testing.assert_array_equal(maps[:, 0], expected[:, 0], err_msg=str(targets))

    def test_refuses_targets(self, make, kit):
        """tests/arguments has the others: one function decides for every explainer."""
        explainer, images = make(kit.network()), kit.tensor(IMAGES)
        for targets, error, words in (
            ([0, 77], ValueError, r"`targets` must be in \[0, 5\), got 77"),
            ([1, 2, 3], ValueError, r"`targets` must be one class, \(2,\) or \(2, L\)"),
            ([True, 2], TypeError, "got bool values"),
            (kit.tensor(np.array([True, False])), TypeError, "got bool values"),
            (kit.tensor(np.float32([1.0, 2.0])), TypeError, "got float32 values"),
        ):
            with pytest.raises(error, match=words):
                explainer(images, targets)

    def test_images_of_other_dtypes_are_used_as_float32(self, make, kit):
        images = np.random.default_rng(0).integers(0, 9, (1, 3, 12, 15))
        explainer = make(kit.network())
        expected = kit.array(explainer(kit.tensor(images.astype(np.float32)), 1))
        for dtype in (np.uint8, np.int32, np.int64, np.float64, np.float16):
            found = kit.array(explainer(kit.tensor(images.astype(dtype)), 1))
            np.testing.assert_array_equal(found, expected, err_msg=dtype.__name__)

    def test_refuses_other_arguments(self, make, kit):
        explainer, images = make(kit.network()), kit.tensor(IMAGES)
        for arguments, error, words in (
            ({"ret": 1}, TypeError, "`ret` must be a str"),
            ({"ret": "foo"}, ValueError, "`ret` must be one of"),
            ({"show": "no"}, TypeError, "`show` must be a bool or None"),
        ):
            with pytest.raises(error, match=words):
                explainer(images, 1, **arguments)

    def test_refuses_an_array_and_a_batch_of_no_images(self, make, kit):
        with pytest.raises(TypeError, match="`inputs` must be a Tensor, got ndarray"):
            make(kit.network())(IMAGES, 1)
        with pytest.raises(ValueError, match=r"`inputs` must be \(N, C, H, W\)"):
            make(kit.network())(kit.tensor(IMAGES[0]), 1)
        with pytest.raises(ValueError, match="N at least 1"):
            make(kit.network())(kit.tensor(IMAGES[:0]), 1)

    def test_ret_image_gives_rgb_pictures_of_the_images_size(self, make, kit):
        images = make(kit.network())(kit.tensor(IMAGES), [[1, 2], [3, 4]], ret="image")
        assert [len(row) for row in images] == [2, 2]
        for picture in (picture for row in images for picture in row):
            assert isinstance(picture, Image.Image)
            assert picture.mode == "RGB"
            assert picture.size == (15, 12)

    def test_show_displays_once_and_returns_what_was_asked(self, make, kit, monkeypatch):
        shown = []
        monkeypatch.setattr("fastxai.visual.cv.display.show_images", shown.append)
        saliency = make(kit.network())(kit.tensor(IMAGES), 1, show=True)
        assert isinstance(saliency, kit.Tensor)
        assert len(shown) == 1

    def test_no_bar_where_nobody_looks(self, make, kit, capfd):
        make(kit.network())(kit.tensor(IMAGES), 1)
        assert capfd.readouterr().err == ""


class PerturbationContract:
    """The same over explainers that score many copies of an image."""

    def test_after_ctrl_c_all_is_as_it_was_and_works(self, make, kit):
        network = kit.network()
        explainer = make(network)
        before = kit.state_of(network)

        def interrupt(done, total):
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            explainer(kit.tensor(IMAGES), 1, progress=interrupt)
        assert kit.state_of(network) == before
        assert explainer(kit.tensor(IMAGES), 1).shape == (2, 1, 12, 15)

    def test_progress_counts_every_unit_up_to_the_total(self, make, kit):
        seen = []
        explainer = make(kit.network())
        explainer(kit.tensor(IMAGES), 1, progress=lambda done, total: seen.append((done, total)))
        done = [d for d, _ in seen]
        assert done == sorted(done)
        assert len({total for _, total in seen}) == 1
        units = WINDOWS if "Occlusion" in type(explainer).__name__ else MASKS
        assert done[-1] == seen[-1][1] == 2 * units

    def test_progress_true_draws_a_bar(self, make, kit, capfd):
        explainer = make(kit.network())
        explainer(kit.tensor(IMAGES), 1, progress=True)
        unit = "window" if "Occlusion" in type(explainer).__name__ else "mask"
        assert f"{unit}/s" in capfd.readouterr().err

    def test_the_map_so_far_comes_to_the_map(self, make, kit):
        seen = []
        maps = make(kit.network())(
            kit.tensor(IMAGES), [1, 2],
            progress=lambda done, total, partial: seen.append((partial, partial.saliency())),
        )  # fmt: skip
        last = {partial.image: saliency for partial, saliency in seen}
        np.testing.assert_array_equal(np.stack([last[0], last[1]]), kit.array(maps))

    @pytest.mark.parametrize("called", [False, True], ids=["new", "used"])
    def test_an_activation_that_a_script_sets_acts(self, make, kit, called):
        explainer, images = make(kit.network()), kit.tensor(IMAGES)
        if called:
            explainer(images, 1)
        explainer._activation_fn = lambda rows: rows * 0 + 0.25
        maps = kit.array(explainer(images, 1))
        if "Occlusion" in type(explainer).__name__:
            np.testing.assert_array_equal(maps, 0)  # no window matters
        else:
            assert np.ptp(maps, axis=(2, 3)).max() < 1e-6  # nor any mask, and p f is left

    def test_targets_of_a_result_are_its_own(self, make, kit):
        explainer = make(kit.network())
        found = explainer(kit.tensor(IMAGES), [1, 2], ret="result")
        explainer.last_targets[:] = 4
        assert found.targets.tolist() == [[1], [2]]

    def test_ret_result_has_the_map_and_how_it_came_about(self, make, kit, tmp_path):
        explainer = make(kit.network())
        maps = kit.array(explainer(kit.tensor(IMAGES), [1, 2]))
        found = explainer(kit.tensor(IMAGES), [1, 2], ret="result")
        np.testing.assert_array_equal(found.saliency, maps)
        np.testing.assert_array_equal(found.targets, [[1], [2]])
        assert found.explainer == type(explainer).__name__
        assert (found.standard_error is None) == ("Occlusion" in found.explainer)
        found.save(tmp_path / "found.npz")
        again = type(found).load(tmp_path / "found.npz")
        np.testing.assert_array_equal(again.saliency, maps)
        assert again.engine == found.engine

    def test_a_stopped_run_goes_on_from_its_state_to_the_same_bits(self, make, kit, tmp_path):
        path, total = tmp_path / "run.npz", []
        network = kit.network()
        expected = kit.array(make(network)(kit.tensor(IMAGES), [1, 2], progress=watch(total)))
        seen = []
        with pytest.raises(StoppedError):
            make(network)(kit.tensor(IMAGES), [1, 2], state=path, progress=stop_at(len(total) // 2))
        maps = make(network)(kit.tensor(IMAGES), [1, 2], state=path, progress=watch(seen))
        np.testing.assert_array_equal(kit.array(maps), expected)
        assert seen[0] >= total[len(total) // 2 - 1]
        done = make(network)(kit.tensor(IMAGES), [1, 2], state=path, progress=watch([]))
        np.testing.assert_array_equal(kit.array(done), expected)

    def test_the_state_of_another_run_is_refused(self, make, kit, tmp_path):
        path, network = tmp_path / "run.npz", kit.network()
        make(network)(kit.tensor(IMAGES), 1, state=path)
        for images, target, words in ((IMAGES + 1, 1, "image"), (IMAGES, 2, "target")):
            with pytest.raises(ValueError, match=f"is of another {words}"):
                make(network)(kit.tensor(images), target, state=path)
        kit.change(network)
        with pytest.raises(ValueError, match="is of another network"):
            make(network)(kit.tensor(IMAGES), 1, state=path)

    def test_numpy_integers_are_integers(self, make, kit):
        explainer = type(make(kit.network()))
        assert explainer(kit.network(), "softmax", np.int64(4)) is not None

    def test_refuses_other_batch_sizes(self, make, kit):
        network = kit.network()
        kind = type(make(network))
        for per_eval, error, words in (
            (0, ValueError, "`perturbation_per_eval` must be in"),
            (True, TypeError, "`perturbation_per_eval` must be an int"),
            (2.0, TypeError, "`perturbation_per_eval` must be an int"),
        ):
            with pytest.raises(error, match=words):
                kind(network, "softmax", per_eval)

    def test_refuses_other_progress(self, make, kit):
        with pytest.raises(TypeError, match="`progress` must be None, a bool or a callable"):
            make(kit.network())(kit.tensor(IMAGES), 1, progress=3)


class StoppedError(Exception):
    """What stops a run."""


def watch(seen):
    """A progress that notes what is done."""
    return lambda done, total: seen.append(done)


def stop_at(calls):
    """A progress that stops the run when it is called so often."""
    seen = []

    def progress(done, total):
        seen.append(done)
        if len(seen) == calls:
            raise StoppedError

    return progress
