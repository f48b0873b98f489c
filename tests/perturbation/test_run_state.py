"""Runs that end too early and go on: the same bits, and nothing of another run."""

import errno
import os
import signal
import subprocess
import sys

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from fastxai.engine import factory, selector, settings
from fastxai.explainer import RISE, Occlusion
from fastxai.perturbation import run_state
from fastxai.perturbation.archive import read_archive, write_archive
from tests import _networks as networks
from tests.explainer.test_contract import RISEPlusOf
from tests.perturbation import _killed_run

IMAGES = np.random.default_rng(4).normal(size=(3, 3, 40, 48)).astype(np.float32)
TARGETS = [[3, 1], [0, 4], [2, 2]]


def rise(network=None, per_eval=32, **options):
    network = networks.SmallConv() if network is None else network
    return RISE(network, nn.Softmax(), per_eval, **{"num_masks": 300, "seed": 8, **options})


class StoppedError(Exception):
    """Ends a run."""


def end_at(unit):
    """A progress that ends the run once so many units are done."""

    def progress(done, total):
        if done >= unit:
            raise StoppedError

    return progress


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


@pytest.fixture
def at_once(monkeypatch):
    """Writes the state after every batch."""
    monkeypatch.setattr(run_state, "_INTERVAL_S", 0.0)
    monkeypatch.setattr(run_state, "_COST", 0.0)


def same(one, other):
    for name in ("saliency", "num_masks", "standard_error", "correlation"):
        a, b = getattr(one, name), getattr(other, name)
        np.testing.assert_array_equal(a, b) if a is not None else None
    assert (one.seed, one.engine, one.precision) == (other.seed, other.engine, other.precision)


MAKERS = {
    "iid": lambda: rise(design="iid"),
    "control-variate": lambda: rise(estimator="control-variate"),
    "oa128": lambda: rise(design="oa128"),
    "auto iid": lambda: rise(num_masks="auto", tol=0.9, per_eval=100, design="iid"),
    "auto lattice": lambda: rise(num_masks="auto", tol=0.9, per_eval=100, design="lattice"),
    "probed": lambda: rise(per_eval="auto"),
    "RISEPlus": lambda: RISEPlusOf(networks.SmallConv(), nn.Softmax(), 32, num_masks=300, seed=0),
    "Occlusion": lambda: Occlusion(networks.SmallConv(), nn.Softmax(), 16, window=6),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_run_that_goes_on_gives_the_bits_of_one_that_was_never_interrupted(make, mode, path):
    images = ms.Tensor(IMAGES)
    totals = []
    expected = make()(
        images, TARGETS, ret="result", progress=lambda done, total: totals.append(done)
    )
    for unit in (1, totals[-1] // 2, totals[-1] - 1):
        with pytest.raises(StoppedError):
            make()(images, TARGETS, ret="result", progress=end_at(unit), state=path)
        assert path.exists()
    seen = []
    found = make()(
        images, TARGETS, ret="result", state=path, progress=lambda done, total: seen.append(done)
    )
    same(found, expected)
    assert seen[-1] == totals[-1]
    assert len(seen) < len(totals)  # it did not begin again


def test_a_run_that_is_done_gives_its_maps_without_scoring(path):
    expected = rise()(ms.Tensor(IMAGES), TARGETS, ret="result", state=path)
    calls = []
    network = networks.SmallConv()
    network.register_forward_hook(lambda *arguments: calls.append(1))
    found = rise(network)(ms.Tensor(IMAGES), TARGETS, ret="result", state=path)
    same(found, expected)
    assert not calls
    assert found.seconds > 0.5 * expected.seconds


def test_without_a_seed_a_run_goes_on_with_its_own(path):
    np.random.seed(1)
    expected = rise(seed=None)(ms.Tensor(IMAGES), TARGETS, ret="result")
    np.random.seed(1)
    with pytest.raises(StoppedError):
        rise(seed=None)(ms.Tensor(IMAGES), TARGETS, ret="result", state=path, progress=end_at(400))
    same(rise(seed=None)(ms.Tensor(IMAGES), TARGETS, ret="result", state=path), expected)


def test_ctrl_c_loses_nothing_that_was_scored(mode, path):
    def interrupt(done, total):
        if done >= 400:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=interrupt)
    first = []
    maps = rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=lambda d, t: first.append(d))
    assert first[0] == 300  # the image that was done
    assert first[1] >= 400
    expected = rise()(ms.Tensor(IMAGES), TARGETS)
    np.testing.assert_array_equal(maps.asnumpy(), expected.asnumpy())


@pytest.mark.parametrize("masks", [100, 300, 420])
def test_a_process_that_is_killed_loses_what_it_did_since_the_last_writing(path, masks):
    command = [sys.executable, "-m", "tests.perturbation._killed_run", str(path), str(masks)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    expected = _killed_run.explainer()(_killed_run.images(), 2).asnumpy()
    seen = []
    maps = _killed_run.explainer()(
        _killed_run.images(), 2, state=path, progress=lambda done, total: seen.append(done)
    )
    np.testing.assert_array_equal(maps.asnumpy(), expected)
    assert seen[0] > 0
    assert len(seen) <= (600 - masks) // 20 + 2


def test_it_is_written_every_few_seconds(path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(run_state.time, "monotonic", lambda: now[0])
    written = []

    def progress(done, total):
        now[0] += 0.5
        written.append(path.stat().st_mtime_ns)

    rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=progress)
    times = len(set(written))
    assert len(written) / 7 <= times <= len(written) / 4


# ---- a disk that is full --------------------------------------------------------------------


def test_a_full_disk_stops_no_run_and_leaves_the_last_state(path, monkeypatch, at_once):
    expected = rise()(ms.Tensor(IMAGES), TARGETS).asnumpy()
    full = []

    def fsync(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def progress(done, total):
        if done >= 400 and not full:
            monkeypatch.setattr(os, "fsync", fsync)
            full.append(path.read_bytes())

    with pytest.warns(RuntimeWarning, match="No space left on device.*the run goes on") as caught:
        maps = rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=progress)
    assert len([warning for warning in caught if "state" in str(warning.message)]) == 1
    np.testing.assert_array_equal(maps.asnumpy(), expected)
    assert path.read_bytes() == full[0]
    assert [file.name for file in path.parent.iterdir()] == ["run.npz"]
    monkeypatch.undo()
    again = rise()(ms.Tensor(IMAGES), TARGETS, state=path).asnumpy()
    np.testing.assert_array_equal(again, expected)


def test_a_place_that_cannot_be_written_is_an_error_at_once(tmp_path):
    network = networks.Failing()
    with pytest.raises(FileNotFoundError):
        rise(network)(ms.Tensor(IMAGES), TARGETS, state=tmp_path / "no folder" / "run.npz")


# ---- states of other runs -------------------------------------------------------------------


def other_network():
    return networks.SmallConv(seed=1)


class Other(networks.SmallConv):
    """The same weights and another computation."""

    def construct(self, x):
        return super().construct(x) * 2


OTHERS = {
    "image": (dict, IMAGES + 1e-6, TARGETS, "is of another image"),
    "target": (dict, IMAGES, [[3, 1], [0, 4], [2, 1]], "is of another target"),
    "weights": (lambda: {"network": other_network()}, IMAGES, TARGETS, "another network"),
    "network": (lambda: {"network": Other()}, IMAGES, TARGETS, "another network"),
    "engine": (lambda: {"engine": "auto"}, IMAGES, TARGETS, "engine 'mindspore', and .* 'auto'"),
    "seed": (lambda: {"seed": 9}, IMAGES, TARGETS, "a run with seed 8, and this one has 9"),
    "masks": (lambda: {"num_masks": 301}, IMAGES, TARGETS, "num_masks 300, and .* 301"),
    "auto": (lambda: {"num_masks": "auto"}, IMAGES, TARGETS, "num_masks 300, and .* 'auto'"),
    "batch": (lambda: {"per_eval": 16}, IMAGES, TARGETS, "perturbation_per_eval 32, and .* 16"),
    "base": (lambda: {"base_value": 0.5}, IMAGES, TARGETS, "with base_value"),
    "grid": (lambda: {"grid_size": 9}, IMAGES, TARGETS, "with grid_size"),
    "design": (lambda: {"design": "oa128"}, IMAGES, TARGETS, "with design 'iid'"),
    "estimator": (lambda: {"estimator": "plain"}, IMAGES, TARGETS, "with estimator 'centred'"),
    "probability": (lambda: {"mask_probability": 0.4}, IMAGES, TARGETS, "mask_probability 0.5"),
}


@pytest.mark.parametrize(("options", "images", "targets", "words"), OTHERS.values(), ids=OTHERS)
def test_a_state_of_another_run_is_refused_and_left_alone(path, options, images, targets, words):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(100))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=words):
        rise(**options())(ms.Tensor(images), targets, state=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "value"),
    [("fastxai.perturbation.explainer.__version__", "9.9"), ("mindspore.__version__", "9.9")],
)
def test_a_state_of_another_version_is_refused(path, monkeypatch, name, value):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(100))
    monkeypatch.setattr(name, value)
    with pytest.raises(ValueError, match=r"and this one has '9\.9'"):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path)


def test_a_state_of_another_explainer_mode_or_form_is_refused(path):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(100))
    occlusion = Occlusion(networks.SmallConv(), nn.Softmax())
    with pytest.raises(ValueError, match="explainer 'RISE', and this one has 'Occlusion'"):
        occlusion(ms.Tensor(IMAGES), TARGETS, state=path)
    with pytest.raises(ValueError, match="an error bar False, and this one has True"):
        rise()(ms.Tensor(IMAGES), TARGETS, ret="result", state=path)
    ms.set_context(mode=ms.GRAPH_MODE)
    try:
        with pytest.raises(ValueError, match="mode 'PYNATIVE', and this one has 'GRAPH'"):
            rise()(ms.Tensor(IMAGES), TARGETS, state=path)
    finally:
        ms.set_context(mode=ms.PYNATIVE_MODE)


def test_a_state_of_another_engine_is_refused(path):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(100))
    header, arrays = read_archive(path, run_state._FORMAT, run_state._MEMBERS)
    assert header["identity"].startswith("MindSpore ")
    header["identity"] = "OpenVINO 2025.0 in float32"
    write_archive(path, run_state._FORMAT, header, arrays)
    with pytest.raises(ValueError, match="was scored by OpenVINO 2025.0 in float32, and now Mind"):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path)


def test_a_state_of_another_engine_is_refused_between_images_too(path):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(301))
    header, arrays = read_archive(path, run_state._FORMAT, run_state._MEMBERS)
    assert [name for name in arrays if name.startswith("found_")]  # the first image is done
    kept = {name: array for name, array in arrays.items() if not name.startswith("run_")}
    header["identity"] = "OpenVINO 2025.0 in float32"
    write_archive(path, run_state._FORMAT, header, kept)
    with pytest.raises(ValueError, match="was scored by OpenVINO 2025.0 in float32, and now Mind"):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path)


@pytest.mark.skipif(settings.version_of("openvino") is None, reason="openvino is not installed")
def test_auto_that_came_to_mindspore_stays_with_it_where_it_goes_on(path, monkeypatch):
    """The first image's scores differ between engines, the second one's would not."""
    real = factory.relative_error
    monkeypatch.setattr(factory, "relative_error", lambda *scores: 1.0)
    expected = rise(engine="auto")(ms.Tensor(IMAGES), TARGETS).asnumpy()
    with pytest.raises(StoppedError):
        rise(engine="auto")(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(350))
    monkeypatch.setattr(factory, "relative_error", real)
    selector._cache.clear()
    explainer = rise(engine="auto")
    found = explainer(ms.Tensor(IMAGES), TARGETS, state=path).asnumpy()
    assert explainer.engine.reason == "it scored the first masks of this run"
    np.testing.assert_array_equal(found, expected)
    explainer(ms.Tensor(IMAGES), TARGETS)
    assert explainer.engine.engine == "openvino"


def test_a_state_that_is_done_is_of_its_engine_too(path):
    rise()(ms.Tensor(IMAGES), TARGETS, state=path)
    with pytest.raises(ValueError, match="with engine 'mindspore', and this one has 'auto'"):
        rise(engine="auto")(ms.Tensor(IMAGES), TARGETS, state=path)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "other"])
def test_a_damaged_state_is_refused(path, damage):
    with pytest.raises(StoppedError):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path, progress=end_at(100))
    data = path.read_bytes()
    kinds = {"cut": data[: len(data) // 2], "text": b"nothing of the kind", "empty": b""}
    if damage == "other":
        np.savez(path, a=np.zeros(3))
    else:
        path.write_bytes(kinds[damage])
    with pytest.raises(ValueError, match="is no state of a run, or it is damaged"):
        rise()(ms.Tensor(IMAGES), TARGETS, state=path)


def test_refuses_other_kinds_of_paths():
    with pytest.raises(TypeError, match="`state` must be a path or None, got int"):
        rise()(ms.Tensor(IMAGES), TARGETS, state=3)


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rise()(ms.Tensor(IMAGES), TARGETS)
    assert list(tmp_path.iterdir()) == []
