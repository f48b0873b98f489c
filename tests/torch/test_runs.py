"""Runs that stop by themselves, are resumed, or say how sure they are, over PyTorch networks."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from fastxai import reference  # noqa: E402
from fastxai.ops import MaskSpec  # noqa: E402
from fastxai.torch import RISE, Occlusion  # noqa: E402
from tests._compare import MAP_ATOL, assert_close  # noqa: E402
from tests._contract import StoppedError, stop_at, watch  # noqa: E402
from tests.torch import _networks as networks  # noqa: E402

TARGETS = [0, 3]


def rise(network, **options):
    """With masks enough for blocks."""
    return RISE(network, "softmax", 100, **{"num_masks": 512, "seed": 5, **options})


def on(place, network, count=1):
    """Network and pictures there."""
    return network.to(place), torch.from_numpy(networks.pictures(count)).to(place)


def scored_masks(count, design):
    """Masks (count, H, W) of seed 5 and their scores (count, L), by NumPy in float64."""
    image = networks.pictures()[0]
    spec = MaskSpec(5, image.shape[1:], design=design)
    coarse = reference.mask_grid(
        spec.seed, 0, count, spec.grid, spec.threshold, spec.shift_range, spec.design, spec.columns
    )
    masks = reference.mask_upsample(*coarse, spec.size, spec.up_size)
    copies = reference.masked_product(image, masks, np.zeros(3))
    return masks[:, 0].astype(float), networks.linear_scores(copies)[:, TARGETS]


def test_the_standard_error_of_blocks_is_that_of_the_formula(place):
    """Blocks of 128 masks are independent: the spread of their maps over B (B - 1)."""
    network, images = on(place, networks.linear())
    found = rise(network, design="oa128")(images, [TARGETS], ret="result")
    masks, scores = scored_masks(512, "oa128")
    blocks = np.stack(
        [
            np.einsum("ml,myx->lyx", scores[at : at + 128], masks[at : at + 128]) / 128
            for at in range(0, 512, 128)
        ]
    )
    expected = blocks.std(axis=0, ddof=1) / 2
    assert_close(found.standard_error[0], expected, atol=MAP_ATOL)
    assert_close(found.saliency[0], blocks.mean(axis=0), atol=MAP_ATOL)
    assert found.degrees_of_freedom.tolist() == [3]
    assert (found.engine, found.precision, found.seed) == ("torch", "float32", 5)
    low, high = found.interval(0.9)
    assert (low < found.saliency).all()
    assert (found.saliency < high).all()


def test_the_standard_error_of_independent_masks_is_that_of_the_formula(place):
    """The mean of plain f M: its variance from E f^2, E M^2 and the map."""
    network, images = on(place, networks.linear())
    options = {"design": "iid", "estimator": "plain", "num_masks": 300}
    found = rise(network, **options)(images, [TARGETS], ret="result")
    _, scores = scored_masks(300, "iid")
    many = reference.mask_grid(1, 0, 6000, (10, 10), 2**31, (11, 11), "iid")
    masks = reference.mask_upsample(*many, (20, 28), (30, 38))[:, 0].astype(float)
    second = (scores**2).mean(axis=0)[:, None, None] * (masks**2).mean(axis=0)
    expected = np.sqrt((second - found.saliency[0].astype(float) ** 2) / 300)
    # E M^2 of 6,000 masks is known to 1 % in a pixel, and better in the mean over pixels.
    ratio = found.standard_error[0] / expected
    assert np.abs(ratio.mean(axis=(1, 2)) - 1).max() < 0.01
    assert np.abs(ratio - 1).max() < 0.15


@pytest.mark.parametrize("design", ["iid", "oa128", "lattice"])
def test_auto_stops_at_the_first_look_that_is_good_enough(place, design):
    network, images = on(place, networks.linear(), 2)
    explainer = rise(network, num_masks="auto", tol=0.8, design=design)
    found = explainer(images, [1, 2], ret="result")
    assert set(found.num_masks % 256) == {0}
    assert (found.num_masks >= 512).all()
    assert found.reached.all()
    for index, number in enumerate(found.num_masks):
        fixed = rise(network, num_masks=int(number), design=design)
        maps = fixed(images[index : index + 1], index + 1)
        np.testing.assert_array_equal(maps[0].cpu().numpy(), found.saliency[index])


def test_auto_ends_at_the_ceiling_with_a_warning(place, caplog):
    caplog.set_level("WARNING", "fastxai")  # a command that ran before may have quietened it
    network, images = on(place, networks.linear())
    explainer = rise(network, num_masks="auto", tol=0.9999, max_masks=600)
    assert explainer(images, 1, ret="result").num_masks.tolist() == [600]
    assert "stopped at max_masks, 600 masks" in caplog.text


@pytest.mark.parametrize(
    "make",
    [
        lambda network: rise(network, num_masks=300, estimator="control-variate", design="iid"),
        lambda network: rise(network, num_masks=300, estimator="plain", design="iid"),
        lambda network: rise(network, num_masks="auto", tol=0.9, max_masks=1024),
        lambda network: Occlusion(network, "softmax", 7, window=4),
    ],
    ids=["control-variate", "plain", "auto", "Occlusion"],
)
@pytest.mark.parametrize("ends_at", [1, 3, 5])
def test_a_stopped_run_goes_on_to_the_same_bits(place, make, ends_at, tmp_path):
    network, images = on(place, networks.convolutional(), 2)
    expected = make(network)(images, [TARGETS, [1, 2]])
    with pytest.raises(StoppedError):
        make(network)(images, [TARGETS, [1, 2]], state=tmp_path / "run", progress=stop_at(ends_at))
    seen = []
    maps = make(network)(images, [TARGETS, [1, 2]], state=tmp_path / "run", progress=watch(seen))
    assert torch.equal(maps, expected)
    assert len(seen) > 0


class BadOnce(nn.Module):
    """NaN in one call; what counts them is no part of what it computes."""

    def __init__(self, bad_call):
        super().__init__()
        self.calls = itertools.count(1)
        self.bad_call = iter([bad_call] * 1000)

    def forward(self, batch):
        """Means over pixels."""
        bad = next(self.calls) == next(self.bad_call)
        return batch.mean(dim=(2, 3)) * (float("nan") if bad else 1.0)


def test_a_state_never_holds_scores_that_are_not_finite(place, tmp_path):
    """On a GPU they are noticed late; what is kept is the last that was good."""
    _, images = on(place, networks.linear())
    network = BadOnce(4)
    explainer = RISE(network, None, 100, num_masks=600, seed=2)
    with pytest.raises(ValueError, match=r"not finite for masks 300\.\.399"):
        explainer(images, 1, state=tmp_path / "run")
    maps = explainer(images, 1, state=tmp_path / "run")
    assert torch.equal(maps, RISE(BadOnce(0), None, 100, num_masks=600, seed=2)(images, 1))


CHANGES = {
    "a weight": lambda network: network[0].weight.data.mul_(2),
    "a buffer": lambda network: network[1].running_mean.add_(1),
    "a setting": lambda network: setattr(network[0], "padding", (0, 0)),
    "a layer": lambda network: network.__setitem__(2, nn.Tanh()),
    "a hook": lambda network: network[0].register_forward_hook(lambda m, i, output: output * 2),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_the_network_is_seen(change, tmp_path):
    from fastxai.torch.digest import network_digest

    network, again = networks.convolutional(), networks.convolutional()
    before = network_digest(network)
    assert network_digest(again) == before
    change(again)
    assert network_digest(again) != before
    network.train()
    assert network_digest(network) == before


def test_activations_differ_by_what_they_compute():
    from fastxai.torch.digest import network_digest

    def scaled(factor):
        return lambda rows: torch.softmax(rows / factor, 1)

    assert network_digest(scaled(2.0)) == network_digest(scaled(2.0))
    assert network_digest(scaled(2.0)) != network_digest(scaled(3.0))
    assert network_digest(torch.sigmoid) != network_digest(torch.tanh)
    assert network_digest(lambda rows: rows) != network_digest(lambda rows: -rows)


SETTINGS, LAYER = {"factors": [1.0]}, nn.Linear(2, 2)


class Slotted:
    """An activation without a dictionary."""

    __slots__ = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, rows):
        return rows * self.factor


def test_globals_and_slots_count(monkeypatch):
    from fastxai.torch.digest import network_digest

    def reads(rows):
        return rows * SETTINGS["factors"][0]

    def applies(rows):
        return LAYER(rows)

    before = network_digest(reads), network_digest(applies)
    assert before == (network_digest(reads), network_digest(applies))
    monkeypatch.setitem(SETTINGS, "factors", [2.0])
    with torch.no_grad():
        LAYER.weight += 1
    assert network_digest(reads) != before[0]
    assert network_digest(applies) != before[1]
    assert network_digest(Slotted(1.0)) == network_digest(Slotted(1.0))
    assert network_digest(Slotted(1.0)) != network_digest(Slotted(2.0))


def test_a_run_does_not_go_on_in_another_precision(tmp_path):
    network, images = on("cpu", networks.convolutional())
    with pytest.raises(StoppedError):
        rise(network)(images, 1, state=tmp_path / "run.npz", progress=stop_at(2))
    with (
        torch.autocast("cpu", dtype=torch.bfloat16),
        pytest.raises(ValueError, match="autocast 'torch.float32', and this one has"),
    ):
        rise(network)(images, 1, state=tmp_path / "run.npz")


def test_another_process_finds_the_same_digest():
    code = (
        "from tests.torch import _networks as n\n"
        "from fastxai.torch.digest import network_digest\n"
        "print(network_digest(n.convolutional(), n.linear_scores))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
